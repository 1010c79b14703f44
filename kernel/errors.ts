import { CODES, type Code, isCode } from '../manifests/catalog/index.ts';

/** Who is to blame, as precisely as it is known. */
export interface Blame {
  readonly extension?: string;
  readonly version?: string;
  readonly hook?: string;
  /** The host call that was refused, or the trace in which a hook was called: its log lines have it too. */
  readonly call?: string;
  /** The code that the extension gave as its own reason. */
  readonly code?: string;
}

/**
 * The one error class of the host. `code` is what callers act on; `message` is for people, safe to show to
 * whoever made the request: no path, SQL, stack or secret of the host. The cause stays inside.
 */
export class MagError extends Error {
  readonly code: Code;
  readonly blame: Blame;

  constructor(code: Code, message: string, options: { cause?: unknown; blame?: Blame } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'MagError';
    this.code = code;
    this.blame = options.blame ?? {};
  }

  /** The HTTP status this error is answered with. */
  get status(): number {
    return CODES[this.code].status;
  }
}

/** Any thrown value as a MagError: ours as it is, everything else as the given code with the cause kept. */
export function toMagError(thrown: unknown, fallback: Code = 'E_INTERNAL', message?: string): MagError {
  if (thrown instanceof MagError) return thrown;
  return new MagError(fallback, message ?? CODES[fallback].meaning, { cause: thrown });
}

/** The code of an error that crossed a boundary, if it is one of ours. */
export function codeOf(thrown: unknown): Code | undefined {
  if (thrown === null || typeof thrown !== 'object' || !('code' in thrown)) return undefined;
  return isCode(thrown.code) ? thrown.code : undefined;
}

/** The message of any thrown value, without ever throwing itself. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
