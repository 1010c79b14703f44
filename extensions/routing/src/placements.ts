import type { Context, Json } from '#sdk';
import { MATCHES, MOST_SPECIFIC, type Route, winner } from './resolve.ts';
import { type Scope, tenantErased, tenantOf } from './scope.ts';

/** Where data really is. */
export interface Placement {
  readonly id: string;
  readonly store: string;
  /** What all of its keys and streams begin with. */
  readonly prefix: string;
  /** Who moves it waits for those who write. */
  readonly switching?: boolean;
}

/** A placement that is elsewhere than its entry says. */
export interface Misplaced extends Placement, Scope {
  readonly tenant: string;
  readonly caller: string;
  readonly wanted: string;
}

interface Located extends Route {
  readonly placement: string | null;
  readonly placed: string | null;
  readonly prefix: string | null;
  readonly switching: boolean;
  readonly erased: boolean;
}

/** Where the data of a caller is in this tenant; placed where its entry says when there is none yet. @throws `ROUTE_MISSING`, `TENANT_ERASED` */
export async function locate(ctx: Context, caller: string, scope: Scope): Promise<Placement> {
  for (;;) {
    const { placement, placed, prefix, switching, erased, store } = await lookUp(ctx, caller, scope);
    if (erased) throw tenantErased(tenantOf(ctx));
    if (placement !== null && placed !== null && prefix !== null) {
      return { id: placement, store: placed, prefix, switching };
    }
    await ctx.db.query(
      `INSERT INTO placements (tenant, caller, kind, surface, app, project, store)
       VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING`,
      [tenantOf(ctx), caller, scope.kind, scope.surface, scope.app, scope.project, store],
    );
  }
}

async function lookUp(ctx: Context, caller: string, scope: Scope): Promise<Located> {
  const tenant = tenantOf(ctx);
  const { rows } = await ctx.db.query<Located>(
    `SELECT e.id, e.tenant, e.surface, e.app, e.project, e.store, e.config, e.version,
       d.id AS placement, d.store AS placed, d.prefix, coalesce(m.state = 'switching', false) AS switching,
       EXISTS (SELECT 1 FROM erasures x WHERE x.tenant = p.tenant) AS erased
     FROM (
       SELECT $1::text AS tenant, $2::text AS caller, $3::text AS kind, $4::text AS surface, $5::text AS app,
         $6::text AS project
     ) p JOIN entries e ON ${MATCHES}
     LEFT JOIN placements d ON d.tenant = p.tenant AND d.caller = p.caller AND d.kind = p.kind
       AND d.surface = p.surface AND d.app = p.app AND d.project = p.project
     LEFT JOIN moves m ON m.placement = d.id
     ORDER BY ${MOST_SPECIFIC} LIMIT 1`,
    [tenant, caller, scope.kind, scope.surface, scope.app, scope.project],
  );
  return winner(rows, tenant, scope) as Located;
}

/** Who writes all the time would keep the one who moves waiting forever: it goes first once it has asked. */
export async function letPass(ctx: Context, placement: string): Promise<void> {
  await ctx.db.query('SELECT 1 FROM moves WHERE placement = $1 FOR SHARE', [placement]);
}

/** Placements that are elsewhere than their entries say, of a tenant or, for the control plane, of all. */
export async function misplaced(ctx: Context, tenant: string | null): Promise<Misplaced[]> {
  const { rows } = await ctx.db.query<Misplaced>(
    `SELECT p.id, p.tenant, p.caller, p.kind, p.surface, p.app, p.project, p.store, p.prefix, r.store AS wanted
     FROM placements p, LATERAL (
       SELECT e.store FROM entries e WHERE ${MATCHES} ORDER BY ${MOST_SPECIFIC} LIMIT 1
     ) r WHERE r.store <> p.store AND ($1::text IS NULL OR p.tenant = $1) ORDER BY p.id LIMIT 1000`,
    [tenant],
  );
  return rows;
}

/** All placements with what is being moved, for people. */
export async function listPlacements(ctx: Context, after: string | null, limit: number): Promise<Json[]> {
  const { rows } = await ctx.db.query(
    `SELECT p.id, p.tenant, p.caller, p.kind, p.surface, p.app, p.project, p.store, p.placed_at AS "placedAt",
       CASE WHEN m.placement IS NOT NULL THEN json_build_object('to', m.to_store, 'state', m.state,
         'copied', m.copied, 'attempts', m.attempts, 'error', m.error, 'startedAt', m.started_at) END AS move
     FROM placements p LEFT JOIN moves m ON m.placement = p.id
     WHERE $1::uuid IS NULL OR p.id > $1 ORDER BY p.id LIMIT $2`,
    [after, limit],
  );
  return rows;
}
