import type { Context, EventEnvelope } from '#sdk';
import { eraseTenant, isErased } from './erasing.ts';
import { movePlacement, removeLeftovers } from './moving.ts';
import { misplaced } from './placements.ts';
import { bad, CONTROL_PLANE, tenantIn, tenantOf } from './scope.ts';

/** Of one tenant at a time there is one job: it moves all data that is elsewhere than it should be, or erases all there is. */
const KEY = 'move';

/** Has what is elsewhere moved, and what is of erased tenants removed: of all tenants when the control plane asks, else of the one that does. */
export async function startMoves(ctx: Context): Promise<string[]> {
  const isControlPlane = tenantOf(ctx) === CONTROL_PLANE;
  const tenants = isControlPlane ? await tenantsToMove(ctx) : [tenantOf(ctx)];
  for (const tenant of tenants)
    await ctx.jobs.enqueue('move', null, { key: KEY, ...(isControlPlane ? { tenant } : {}) });
  return tenants;
}

/**
 * A tenant was erased: from here on nothing is placed for it, and its job removes what there is. Once that is on record,
 * the sweep asks for the job again until nothing is left. Only the control plane erases: what comes from elsewhere is
 * not tried again, as that would keep real ones waiting. @throws `BAD_REQUEST`
 */
export async function noteErased({ data }: EventEnvelope<{ tenant: string }>, ctx: Context): Promise<void> {
  if (tenantOf(ctx) !== CONTROL_PLANE) return ctx.log.warn('a tenant does not erase tenants: ignored');
  const tenant = tenantIn(data.tenant);
  if (tenant === CONTROL_PLANE) throw bad('t_system is never erased');
  await ctx.db.query('INSERT INTO erasures (tenant) VALUES ($1) ON CONFLICT DO NOTHING', [tenant]);
  await startMoves(ctx);
}

/** Tries all, so that one store that does not answer keeps nothing else from being moved. */
export async function move(ctx: Context): Promise<void> {
  const failures: unknown[] = [];
  const attempt = async (work: Promise<void>) => {
    await work.catch((failure: unknown) => failures.push(failure));
    ctx.signal.throwIfAborted();
  };
  if (await isErased(ctx, tenantOf(ctx))) return eraseTenant(ctx);
  await forgetNeedless(ctx);
  for (const placement of await misplaced(ctx, tenantOf(ctx))) await attempt(movePlacement(ctx, placement));
  await attempt(removeLeftovers(ctx));
  const [first] = failures;
  if (first === undefined) return;
  throw first; // it is tried again
}

/** The entry says again what it said before. */
async function forgetNeedless(ctx: Context): Promise<void> {
  const wanted = new Set((await misplaced(ctx, tenantOf(ctx))).map(({ id }) => id));
  const { rows } = await ctx.db.query<{ placement: string }>(
    'SELECT placement FROM moves WHERE tenant = $1',
    [tenantOf(ctx)],
  );
  for (const { placement } of rows)
    if (!wanted.has(placement)) await ctx.db.query('DELETE FROM moves WHERE placement = $1', [placement]);
}

async function tenantsToMove(ctx: Context): Promise<string[]> {
  const { rows } = await ctx.db.query<{ tenant: string }>(
    `SELECT tenant FROM leftovers UNION SELECT tenant FROM erasures x
     WHERE EXISTS (SELECT 1 FROM placements p WHERE p.tenant = x.tenant)
       OR EXISTS (SELECT 1 FROM entries e WHERE e.tenant = x.tenant)`,
  );
  const tenants = [...(await misplaced(ctx, null)), ...rows].map(({ tenant }) => tenant);
  return [...new Set(tenants)].sort();
}
