/** The roles of the control API. Only an owner gives them. */
export const HOST_ROLES = ['owner', 'operator', 'auditor', 'author'] as const;

export function isHostRole(role: string): boolean {
  return (HOST_ROLES as readonly string[]).includes(role);
}
