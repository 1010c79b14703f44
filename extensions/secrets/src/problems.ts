import { ExtensionError, refusals } from '#sdk';

/** Stable codes of this extension, and the status each is answered with. */
const STATUS = { INVALID: 400, NOT_FOUND: 404, STALE: 412, PRECONDITION_REQUIRED: 428 } as const;

type Code = keyof typeof STATUS;

/** Why something is not done: answered as a problem (RFC 9457). */
export class Refusal extends ExtensionError<Code> {
  /** The ETag of what is there. */
  readonly etag: string | null;

  constructor(code: Code, detail: string, etag: string | null = null) {
    super(code, detail);
    this.etag = etag;
  }
}

export const { endpoint: guarded } = refusals<Code>({
  type: 'urn:magflock:secrets',
  statuses: STATUS,
  // What the host says of a name, an extension, a tenant or a place.
  foreign: { E_PARAMS: 'INVALID', E_NOT_FOUND: 'NOT_FOUND' },
  headers: (thrown) => (thrown instanceof Refusal && thrown.etag !== null ? { etag: thrown.etag } : {}),
});
