import { ExtensionError, refusals } from '#sdk';

/** Stable codes of this extension, and the status each is answered with. */
const STATUS = {
  INVALID: 400,
  WRONG_TENANT: 403,
  NOT_FOUND: 404,
  EXISTS: 409,
  IN_USE: 409,
  SYSTEM_TENANT: 409,
  TENANT_ERASED: 409,
  UNKNOWN_REFERENCE: 409,
  STALE: 412,
  PRECONDITION_REQUIRED: 428,
} as const;

export type ProblemCode = keyof typeof STATUS;

/** Why something is not done: answered as a problem (RFC 9457), or said by a command. */
export class Refusal extends ExtensionError<ProblemCode> {}

export const { endpoint: guarded, command: said } = refusals({
  type: 'urn:magflock:tenancy',
  statuses: STATUS,
});
