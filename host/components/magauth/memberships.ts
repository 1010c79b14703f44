import { DEFAULT_ENV, type Membership, type RequestContext } from '../../../manifests/protocol/frames.ts';
import type { Credential } from './ports.ts';

/** What a principal is in a tenant, and how that tenant is run. */
export interface ResolvedMembership extends Membership {
  /** `null`: nobody says. */
  readonly mode: string | null;
}

/** Where in a tenant a request acts, as far as it says. */
export interface Place extends Pick<RequestContext, 'surfaceId' | 'appId' | 'projectId'> {
  /** Of the request; it does not change the answer. */
  readonly traceId: string;
}

/**
 * Says what a principal is in a tenant. Asked once for every request, before anything else of it is looked at: an
 * answer from memory need not be a promise.
 */
export interface MembershipResolver {
  /** `null`: it is no member, and has no business there. @throws `E_MEMBERSHIP` when nobody can say */
  membership(
    caller: Credential,
    tenantId: string,
    place: Place,
  ): ResolvedMembership | null | Promise<ResolvedMembership | null>;
}

/** A member without a role. */
const NO_ROLE = 'user';

/**
 * The rule of the host: a principal is a member where it has a role, and in the tenant it belongs to. A token is good
 * in its own tenant and with its own role, which its principal, if it has one, must have there.
 */
export const membershipOfCredential: Pick<MembershipResolver, 'membership'> & {
  membership(caller: Credential, tenantId: string): ResolvedMembership | null;
} = {
  membership(caller, tenantId) {
    if (!isGoodIn(caller, tenantId)) return null;
    return carriedBy(caller, { tenantId, roles: grantedRoles(caller, tenantId), mode: null });
  },
};

/** A token is good in its own tenant, whoever is a member elsewhere. */
export function isGoodIn({ kind, tenantId: own }: Credential, tenantId: string): boolean {
  return kind !== 'token' || tenantId === own;
}

/** What the host knows that the principal was given there; `null`: it is no member by that. */
export function grantedRoles({ principal, role }: Credential, tenantId: string): readonly string[] | null {
  if (principal === null) return role === null ? [] : [role];
  if (Object.hasOwn(principal.roles, tenantId)) return principal.roles[tenantId] ?? [];
  return tenantId === principal.tenantId ? [NO_ROLE] : null;
}

/** A token carries one of the roles of its principal, and is worth nothing once that has it no more. */
export function carriedBy(
  { role, principal }: Credential,
  { tenantId, roles, mode }: Omit<ResolvedMembership, 'roles'> & { readonly roles: readonly string[] | null },
): ResolvedMembership | null {
  if (roles === null) return null;
  if (role === null || principal === null) return { tenantId, roles, mode };
  return role === NO_ROLE || roles.includes(role) ? { tenantId, roles: [role], mode } : null;
}

/** What a tap that says who is a member acts for: the tenant in question, and nobody in it yet. */
export function undecidedContext(tenantId: string, traceId: string): RequestContext {
  return { tenantId, env: DEFAULT_ENV, principal: null, membership: null, mode: null, traceId };
}
