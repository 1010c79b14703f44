import type { Envelope } from '@sigstore/bundle';

const PAYLOAD_TYPE = 'application/vnd.in-toto+json';
const STATEMENT_TYPES = ['https://in-toto.io/Statement/v1', 'https://in-toto.io/Statement/v0.1'];

/**
 * The SHA-256 digests, hex, of the subjects of an in-toto statement; `null` when the envelope holds none.
 * The caller must not believe them before the envelope is verified.
 */
export function subjectDigests(envelope: Envelope): string[] | null {
  if (envelope.payloadType !== PAYLOAD_TYPE) return null;
  const statement = parse(envelope.payload);
  const type = member(statement, '_type');
  const subjects = member(statement, 'subject');
  if (typeof type !== 'string' || !STATEMENT_TYPES.includes(type) || !Array.isArray(subjects)) return null;
  return subjects
    .map((subject) => member(member(subject, 'digest'), 'sha256'))
    .filter((digest) => typeof digest === 'string')
    .map((digest) => digest.toLowerCase());
}

function parse(payload: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload));
  } catch {
    // No JSON is no statement, which is what the caller is told.
    return null;
  }
}

function member(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
  return Reflect.get(value, key);
}
