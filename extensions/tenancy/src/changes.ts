import type { Context, Json, Transaction } from '#sdk';
import { Refusal } from './problems.ts';
import { requireReferences, requireUnused } from './references.ts';
import { MEMBERSHIPS, type Resource } from './resources.ts';
import { deleteRow, findRow, insertRow, type Key, type Row, updateRow } from './rows.ts';

export const SYSTEM = 't_system';

/** What an event says was done. */
type Change = 'created' | 'updated' | 'removed' | 'erased';

/** Makes a row and says so, both or neither. @throws `EXISTS`, `UNKNOWN_REFERENCE`, `NOT_FOUND`, `TENANT_ERASED` */
export function create(
  ctx: Context,
  resource: Resource,
  tenant: string | null,
  values: ReadonlyMap<string, Json>,
): Promise<Row> {
  return ctx.db.transaction(async (tx) => {
    if (tenant !== null) await requireTenant(tx, resource, tenant);
    await requireReferences(tx, resource, tenant, values);
    if (resource === MEMBERSHIPS) {
      // Whoever is a member is a user; what is known of them is for the control plane to say.
      await tx.query('INSERT INTO users (id) VALUES ($1) ON CONFLICT DO NOTHING', [
        values.get('principal') ?? null,
      ]);
    }
    const row = await insertRow(tx, resource, tenant, values);
    // The key of the tenant is locked by now: an erasure was before, and is seen, or comes after, and takes this too.
    if (tenant !== null) await requireTenant(tx, resource, tenant);
    await announce(ctx, tx, resource, 'created', tenant, row);
    return row;
  });
}

/** Changes a row of this version; `null`: whatever it is. @throws as `create`; `STALE` */
export function update(
  ctx: Context,
  resource: Resource,
  key: Key,
  values: ReadonlyMap<string, Json>,
  version: number | null,
): Promise<Row> {
  return ctx.db.transaction(async (tx) => {
    if (key.tenant !== null) await requireTenant(tx, resource, key.tenant);
    await requireReferences(tx, resource, key.tenant, values);
    const row = await updateRow(tx, resource, key, values, version);
    await announce(ctx, tx, resource, 'updated', key.tenant, row);
    return row;
  });
}

/** Takes a row away, or marks it where something depends on its having been there. @throws `IN_USE`, `NOT_FOUND`, `STALE` */
export function remove(ctx: Context, resource: Resource, key: Key, version: number | null): Promise<Row> {
  return ctx.db.transaction(async (tx) => {
    await requireUnused(tx, resource, key);
    const row =
      resource.tombstone === undefined
        ? await deleteRow(tx, resource, key, version)
        : await updateRow(tx, resource, key, new Map([['status', resource.tombstone]]), version);
    await announce(ctx, tx, resource, 'removed', key.tenant, row);
    return row;
  });
}

export async function announce(
  ctx: Context,
  tx: Transaction,
  { name, key, ofTenant }: Resource,
  change: Change,
  tenant: string | null,
  row: Row,
): Promise<void> {
  const id = String(row[key]);
  const whose = ofTenant ? tenant : name === 'tenant' ? id : null;
  await ctx.events.publishInTransaction(tx, `magflock.tenancy.${name}_${change}`, {
    tenant: whose,
    id,
    version: row.version,
  });
}

async function requireTenant(tx: Transaction, resource: Resource, tenant: string): Promise<void> {
  if (tenant === SYSTEM && (resource === MEMBERSHIPS || resource.name === 'subscription'))
    throw new Refusal(
      'SYSTEM_TENANT',
      'Who is a member of t_system is said by the host; its apps need no subscription.',
    );
  const found = await findRow(tx, TENANT_ROW, { tenant: null, id: tenant });
  if (found === null) throw new Refusal('NOT_FOUND', 'There is no such tenant.');
  if (found.status === 'erased') throw new Refusal('TENANT_ERASED', 'The tenant was erased.');
}

const TENANT_ROW = { table: 'tenants', key: 'id' } as Resource;
