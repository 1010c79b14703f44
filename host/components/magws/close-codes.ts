import type { Code } from '../../../manifests/catalog/index.ts';

/** Why the host ends a connection, beside the codes of the protocol (RFC 6455 §7.4.1); documented for clients. */
export const CLOSE = {
  /** The host stops. */
  goingAway: 1001,
  /** A binary message. */
  unsupported: 1003,
  /** A text that is no JSON. */
  malformed: 1007,
  /** More connections than the host takes. */
  full: 1013,
  /** The context it names is malformed. */
  badRequest: 4400,
  /** No good token, in time; or it has ended. */
  unauthenticated: 4401,
  /** A page of another origin, or a tenant that is not the client's. */
  forbidden: 4403,
  /** It does not take what is sent to it. */
  slow: 4408,
  /** Too many messages, connections or tries. */
  tooMany: 4429,
  /** A fault of the host. */
  fault: 1011,
} as const;

const BY_CODE: { readonly [C in Code]?: number } = {
  E_AUTH_REQUIRED: CLOSE.unauthenticated,
  E_FORBIDDEN: CLOSE.forbidden,
  E_RATE_LIMITED: CLOSE.tooMany,
  E_BAD_REQUEST: CLOSE.badRequest,
};

export function closeCodeOf(code: Code | undefined): number {
  return (code === undefined ? undefined : BY_CODE[code]) ?? CLOSE.fault;
}
