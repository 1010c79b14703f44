import { refusals } from '#sdk';

/** What is refused is answered as a problem (RFC 9457), or said by a command. */
export const { endpoint: guarded, command: said } = refusals({
  type: 'urn:magflock:routing',
  statuses: {
    BAD_REQUEST: 400,
    WRONG_TENANT: 403,
    NOT_FOUND: 404,
    ROUTE_MISSING: 404,
    EXISTS: 409,
    TENANT_ERASED: 409,
    CHANGED: 412,
  },
});
