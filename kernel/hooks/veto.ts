import { type Blame, codeOf, MagError } from '../errors.ts';

/** A code of an extension's own: none that could be taken for one of ours. */
const OWN_CODE = /^(?!E_)[A-Z][A-Z0-9_]{1,63}$/;
const MAX_MESSAGE_CHARS = 500;

/** What an extension gave as its reason: it threw an error with a code of its own. */
export function reasonOf(thrown: unknown): { code: string; message: string } | null {
  if (!(thrown instanceof MagError) || thrown.code !== 'E_EXTENSION') return null;
  const { cause } = thrown;
  if (!(cause instanceof Error) || !('code' in cause) || typeof cause.code !== 'string') return null;
  if (!OWN_CODE.test(cause.code)) return null;
  return { code: cause.code, message: cause.message.slice(0, MAX_MESSAGE_CHARS) };
}

/** The error that stops what was asked for: with the extension's reason, or because it gave no answer. */
export function vetoBy(blame: Blame, thrown: unknown): MagError {
  const reason = reasonOf(thrown);
  if (reason !== null) {
    return new MagError('E_VETO', reason.message, { cause: thrown, blame: { ...blame, code: reason.code } });
  }
  const { extension, hook } = blame;
  const why = codeOf(thrown) ?? 'E_EXTENSION';
  const message = `${extension} gave no answer at ${hook} (${why}), which counts as a no.`;
  return new MagError('E_VETO', message, { cause: thrown, blame });
}
