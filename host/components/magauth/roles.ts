/** The roles the control API knows. */
export const ROLES = ['owner', 'operator', 'auditor', 'author'] as const;

export type Role = (typeof ROLES)[number];

/**
 * What a token may be given as its role: one of ours, `user` for a principal without rights on the control
 * API, or a name that only endpoints of extensions ask for.
 */
export const ROLE_PATTERN = '^[a-z][a-z0-9:/_-]{0,79}$';

/** Whether a role is one of those allowed. An owner is not implied: tables say it. */
export function isAmong(role: string, allowed: readonly Role[]): boolean {
  return (allowed as readonly string[]).includes(role);
}

/** Whether a principal may call an endpoint whose manifest says `auth: <wanted>`. */
export function mayCall(role: string, wanted: string): boolean {
  return wanted === 'user' || role === wanted || role === 'owner';
}
