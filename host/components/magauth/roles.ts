import type { HOST_ROLES } from '../../../manifests/catalog/index.ts';

/** A role that the control API knows. */
export type Role = (typeof HOST_ROLES)[number];

/**
 * What somebody may be given as a role: one of the host, `user` for a principal without rights on the control
 * API, or a name that only endpoints of extensions ask for.
 */
export const ROLE_PATTERN = '^[a-z][a-z0-9:/_-]{0,79}$';

/** Whether one of the roles is among those allowed. An owner is not implied: tables say it. */
export function isAmong(roles: readonly string[], allowed: readonly Role[]): boolean {
  return roles.some((role) => (allowed as readonly string[]).includes(role));
}

/** Whether who has these roles may call an endpoint whose manifest says `auth: <wanted>`. */
export function mayCall(roles: readonly string[], wanted: string): boolean {
  return wanted === 'user' || roles.includes(wanted) || roles.includes('owner');
}
