import type { Context, MembershipAsked } from '#sdk';

/** What is known of a principal in a tenant, in one statement: every request waits for it. */
const KNOWN = `
  SELECT t.status AS tenant, m.status AS member, m.roles, u.status AS person,
    ($3::text IS NULL OR EXISTS (
      SELECT 1 FROM surfaces s WHERE s.id = $3 AND s.tenant IN ($1, 't_system') AND s.status = 'active')) AS surface,
    ($4::text IS NULL OR EXISTS (
      SELECT 1 FROM apps a WHERE a.id = $4 AND a.status = 'active' AND ($3::text IS NULL OR a.surface = $3)
        AND (a.tenant = $1 OR (a.tenant = 't_system' AND EXISTS (
          SELECT 1 FROM subscriptions s WHERE s.tenant = $1 AND s.app = a.id AND s.status = 'active'))))) AS app,
    ($5::text IS NULL OR EXISTS (
      SELECT 1 FROM projects p WHERE p.tenant = $1 AND p.id = $5 AND p.status = 'active'
        AND ($4::text IS NULL OR p.app IS NULL OR p.app = $4))) AS project
  FROM tenants t
  LEFT JOIN memberships m ON m.tenant = t.id AND m.principal = $2
  LEFT JOIN users u ON u.id = $2
  WHERE t.id = $1`;

interface Known {
  readonly tenant: string;
  readonly member: string | null;
  readonly roles: readonly string[] | null;
  readonly person: string | null;
  readonly surface: boolean;
  readonly app: boolean;
  readonly project: boolean;
}

/**
 * The tap of `magauth.membership_resolver`. Whom a tenant that is known here has a row for, is what the row says; whom
 * it has none for, is what the host says. Nobody is a member of a tenant that is suspended or erased, or at a surface, an
 * app or a project that the tenant does not have.
 */
export async function resolve(asked: MembershipAsked, ctx: Context): Promise<MembershipAsked> {
  const { principal, tenantId, surfaceId, appId, projectId } = asked;
  const known = await ctx.db.queryOne<Known>(KNOWN, [tenantId, principal.id, surfaceId, appId, projectId]);
  return { ...asked, roles: rolesBy(known, asked.roles, ctx.config.unknownTenants === 'refuse') };
}

export function rolesBy(
  known: Known | null,
  ofHost: readonly string[] | null,
  refusesUnknown: boolean,
): readonly string[] | null {
  if (known === null) return refusesUnknown ? null : ofHost;
  if (known.tenant !== 'active' || known.person === 'suspended') return null;
  if (!known.surface || !known.app || !known.project) return null;
  if (known.member === null) return ofHost;
  return known.member === 'active' ? (known.roles ?? []) : null;
}
