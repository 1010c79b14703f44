import { MagError } from '../errors.ts';

/** A GitHub provenance is about 10 KiB, a review 2. */
export const MAX_ATTESTATIONS_BYTES = 1_048_576;
/** Each may cost a walk over all reviewers, certificates and logs. */
export const MAX_ATTESTATION_LINES = 32;

/** One bundle of the file, and which line it stands in, from 1. */
export interface AttestationLine {
  readonly number: number;
  readonly text: string;
}

/**
 * The bundles in an `.intoto.jsonl`, one on each line. What a line holds is not looked at.
 * @throws `E_SIG_INVALID` when there is more than anybody needs
 */
export function attestationLines(text: string | null): AttestationLine[] {
  if (text === null) return [];
  if (Buffer.byteLength(text) > MAX_ATTESTATIONS_BYTES) throw tooMuch('1 MiB');
  const lines = text
    .split('\n')
    .map((line, index) => ({ number: index + 1, text: line.trim() }))
    .filter((line) => line.text !== '');
  if (lines.length > MAX_ATTESTATION_LINES) throw tooMuch(`${MAX_ATTESTATION_LINES} lines`);
  return lines;
}

/**
 * The lines of both, each once, the newer first. What does not fit any more is left out, the oldest first: whoever
 * fills a file must not keep newer reviews out of it.
 * @throws `E_SIG_INVALID` when one of them alone is too much
 */
export function mergeAttestations(newer: string, older: string): string {
  const all = [newer, older].flatMap((text) => attestationLines(text).map((line) => line.text));
  let merged = '';
  for (const line of [...new Set(all)].slice(0, MAX_ATTESTATION_LINES)) {
    if (Buffer.byteLength(merged) + Buffer.byteLength(line) + 1 > MAX_ATTESTATIONS_BYTES) break;
    merged += `${line}\n`;
  }
  return merged;
}

function tooMuch(limit: string): MagError {
  return new MagError('E_SIG_INVALID', `The attestations of the package are over ${limit}.`);
}
