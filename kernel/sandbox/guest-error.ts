import { CODES, type Code, isCode } from '../../manifests/catalog/index.ts';
import type { WireError } from '../../manifests/protocol/frames.ts';
import { MagError } from '../errors.ts';

/** Codes that concern nobody but the extension whose call they end; forging one gains it nothing. */
const BUDGET_CODES: ReadonlySet<string> = new Set<Code>([
  'E_LIMIT_CPU',
  'E_LIMIT_MEMORY',
  'E_LIMIT_OUTPUT',
  'E_LIMIT_RATE',
]);

/** Codes a host call may end with and a guest may let through to its caller. */
const PASSED_ON = /^E_(CAP_|SQL_|DB|EVENT_|NET|FILE|LIMIT_EGRESS$|STATE_QUOTA$|PARAMS$)/;

/**
 * The error of a guest as the host believes it. A code of the host counts only when the host itself answered
 * this very call with it (`answered`: code to the message it was given with); everything else the guest says
 * is `E_EXTENSION`, with its words kept as the cause.
 */
export function guestError(error: WireError, answered: ReadonlyMap<Code, string>): MagError {
  const { code } = error;
  if (isCode(code) && BUDGET_CODES.has(code)) return new MagError(code, CODES[code].meaning);
  if (isCode(code) && PASSED_ON.test(code)) {
    const message = answered.get(code);
    if (message !== undefined) return new MagError(code, message);
  }
  const cause = Object.assign(new Error(error.message), { code: error.code });
  if (error.stack !== undefined) cause.stack = error.stack;
  return new MagError('E_EXTENSION', CODES.E_EXTENSION.meaning, { cause });
}
