/**
 * Words for `auth` of endpoints whose callers the host gives no token to: strangers (`none`), and those whom a certificate
 * names (`certificate`). Serving them is a right of its own, `network.inbound` (spec 03).
 */
export const INBOUND: readonly string[] = ['none', 'certificate'];

/** Words for `auth` that name no role: nobody is given one of these. */
export const NO_ROLES: readonly string[] = [...INBOUND, 'user'];

export function isInbound(auth: string): boolean {
  return INBOUND.includes(auth);
}
