import { CODES, type Code, isCode } from '../../manifests/catalog/index.ts';
import { CALLS, errorsOf } from '../../manifests/protocol/calls.ts';
import { CELL_CODES } from '../../manifests/protocol/cell-codes.ts';
import type { WireError } from '../../manifests/protocol/frames.ts';
import { MagError } from '../errors.ts';

/** Codes of host calls: a guest may let them through to its caller. No code of anything else is among them. */
const PASSED_ON: ReadonlySet<Code> = new Set(Object.values(CALLS).flatMap(errorsOf));

/**
 * The error of a guest as the host believes it. A code of the host counts only when the host itself answered
 * this very call with it (`refused`: code to the message it was given with), or when it is one that cells end
 * calls with; everything else is `E_EXTENSION`, with the words of the guest kept as the cause.
 */
export function guestError(error: WireError, refused: ReadonlyMap<Code, string> | null): MagError {
  const { code } = error;
  if (isCode(code)) {
    const message = PASSED_ON.has(code) ? refused?.get(code) : undefined;
    if (message !== undefined) return new MagError(code, message);
    if (Object.hasOwn(CELL_CODES, code)) return new MagError(code, CODES[code].meaning);
  }
  const cause = Object.assign(new Error(error.message), { code: error.code });
  if (error.class !== undefined) cause.name = error.class;
  if (error.stack !== undefined) cause.stack = error.stack;
  return new MagError('E_EXTENSION', CODES.E_EXTENSION.meaning, { cause });
}
