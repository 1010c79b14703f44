import { type EndpointRequest, ExtensionError, refusals } from '#sdk';

/** Stable codes of this extension, and the status each is answered with. */
const STATUS = {
  INVALID: 400,
  WRONG_TENANT: 403,
  NOT_FOUND: 404,
  EXISTS: 409,
  IN_USE: 409,
  UNKNOWN_MODE: 409,
  STALE: 412,
  PRECONDITION_REQUIRED: 428,
} as const;

/** Why something is not done: answered as a problem (RFC 9457), or said by a command. */
export class Refusal extends ExtensionError<keyof typeof STATUS> {}

export const { endpoint: guarded, command: said } = refusals({
  type: 'urn:magflock:modes',
  statuses: STATUS,
});

/** The version that `If-Match` names; `null`: any. @throws `PRECONDITION_REQUIRED`, `STALE` */
export function versionOf({ headers }: EndpointRequest): number | null {
  const given = headers['if-match'];
  if (given === undefined)
    throw new Refusal('PRECONDITION_REQUIRED', 'If-Match has to name the ETag that was read, or *.');
  if (given === '*') return null;
  const version = /^"([1-9][0-9]{0,8})"$/.exec(given)?.[1]; // what Postgres takes as an integer
  if (version === undefined) throw new Refusal('STALE', 'If-Match names no ETag of this resource.');
  return Number(version);
}
