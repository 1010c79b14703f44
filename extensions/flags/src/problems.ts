import { type EndpointRequest, ExtensionError, refusals } from '#sdk';

/** Stable codes of this extension, and the status each is answered with. */
const STATUS = {
  INVALID: 400,
  NOT_FOUND: 404,
  EXISTS: 409,
  LIMIT: 409,
  STALE: 412,
  TOO_LARGE: 413,
  PRECONDITION_REQUIRED: 428,
  ROUTE_MISSING: 503,
  STORE_UNKNOWN: 503,
  STORE_UNAVAILABLE: 503,
  QUOTA: 507,
} as const;

export type Code = keyof typeof STATUS;

/**
 * Why something is not done: answered as a problem (RFC 9457) or as OFREP has it, said by a command, or thrown to the
 * extension that called.
 */
export class Refusal extends ExtensionError<Code> {}

export const { endpoint: guarded, command: said } = refusals({
  type: 'urn:magflock:flags',
  statuses: STATUS,
});

export function invalid(detail: string): Refusal {
  return new Refusal('INVALID', detail);
}

/** What a flag has to be for a change of it to be made: of a version, there, not there, or whatever it is. */
export type Expected = number | 'present' | 'absent' | 'any';

/** What `If-Match` or `If-None-Match` says; `null`: neither is there. @throws `STALE`, `INVALID` */
export function expectedOf({ headers }: EndpointRequest): Expected | null {
  const [match, noneMatch] = [headers['if-match'], headers['if-none-match']];
  if (noneMatch !== undefined && (noneMatch !== '*' || match !== undefined))
    throw invalid('If-None-Match is *, and not beside If-Match: the flag must not be there.');
  if (noneMatch === '*') return 'absent';
  if (match === undefined) return null;
  if (match === '*') return 'present';
  const version = /^"([1-9][0-9]{0,14})"$/.exec(match)?.[1];
  if (version === undefined) throw new Refusal('STALE', 'If-Match names no ETag of a flag.');
  return Number(version);
}
