import type { Context } from '#sdk';
import { removeLeftovers } from './moving.ts';
import { tenantErased, tenantOf } from './scope.ts';

interface Removed {
  readonly id: string;
  readonly tenant: string;
  readonly kind: string;
  readonly surface: string;
  readonly app: string;
  readonly project: string;
  readonly version: number;
}

export async function isErased({ db }: Pick<Context, 'db'>, tenant: string): Promise<boolean> {
  return (await db.queryOne('SELECT 1 FROM erasures WHERE tenant = $1', [tenant])) !== null;
}

/** @throws `TENANT_ERASED` */
export async function requireNotErased(ctx: Pick<Context, 'db'>, tenant: string): Promise<void> {
  if (await isErased(ctx, tenant)) throw tenantErased(tenant);
}

/**
 * In the job of the tenant. What is in a store stays on record until that store said it is gone: when one does not
 * answer, this fails, is tried again, and does what is left.
 */
export async function eraseTenant(ctx: Context): Promise<void> {
  await giveUpPlacements(ctx);
  await removeLeftovers(ctx, { needsAnswer: true });
  await removeEntries(ctx);
  ctx.log.info('a tenant was erased');
}

/** Copies and what they are copies of become leftovers. Who writes at this moment is waited for, and is the last. */
async function giveUpPlacements(ctx: Context): Promise<void> {
  const of = [tenantOf(ctx)];
  await ctx.db.transaction(async (tx) => {
    // In the order of those who write: first the move, then the placement.
    await tx.query('SELECT 1 FROM moves WHERE tenant = $1 FOR UPDATE', of);
    await tx.query('SELECT 1 FROM placements WHERE tenant = $1 FOR UPDATE', of);
    await tx.query('DELETE FROM moves WHERE tenant = $1', of);
    await tx.query(
      `WITH given AS (DELETE FROM placements WHERE tenant = $1 RETURNING prefix, tenant, store)
       INSERT INTO leftovers (prefix, tenant, store) SELECT prefix, tenant, store FROM given`,
      of,
    );
  });
}

/** With their versions. */
async function removeEntries(ctx: Context): Promise<void> {
  const of = [tenantOf(ctx)];
  await ctx.db.transaction(async (tx) => {
    await tx.query('DELETE FROM entry_versions WHERE tenant = $1', of);
    const { rows } = await tx.query<Removed>(
      'DELETE FROM entries WHERE tenant = $1 RETURNING id, tenant, kind, surface, app, project, version',
      of,
    );
    for (const { id, surface, app, project, version, ...entry } of rows)
      await ctx.events.publishInTransaction(tx, 'magflock.routing.changed', {
        ...{ ...entry, entry: id, store: null, version: version + 1 },
        ...{ surface: surface || null, app: app || null, project: project || null },
      });
  });
}
