import type { Json, Transaction } from '#sdk';
import { Refusal } from './problems.ts';
import { APPS, type Resource, SURFACES } from './resources.ts';
import type { Key } from './rows.ts';

/** What may be named beside a tenant: its own, or one of the control plane that is for everybody. */
const USABLE = (table: string) => `SELECT 1 FROM ${table} WHERE id = $1 AND tenant IN ($2, 't_system')`;

/**
 * What a row names is there. The id of a shared one is nobody else's, or a tenant could put its own in the place of it.
 * @throws `UNKNOWN_REFERENCE`, `EXISTS`
 */
export async function requireReferences(
  tx: Transaction,
  resource: Resource,
  tenant: string | null,
  values: ReadonlyMap<string, Json>,
): Promise<void> {
  if (tenant === null) return;
  if (resource.isShared && values.has('id'))
    await requireFree(tx, resource, tenant, values.get('id') ?? null);
  await requireOne(tx, SURFACES, tenant, values.get('surface'));
  await requireOne(tx, APPS, tenant, values.get('app'));
}

/** @throws `IN_USE` */
export async function requireUnused(tx: Transaction, resource: Resource, { tenant, id }: Key): Promise<void> {
  const uses = USES[resource.name];
  if (uses === undefined) return;
  const params = resource.ofTenant ? [id, tenant] : [id];
  const used = await tx.queryOne(`SELECT 1 WHERE ${uses}`, params);
  if (used !== null) throw new Refusal('IN_USE', `Something needs this ${resource.name}.`);
}

const USES: Readonly<Record<string, string>> = {
  surface: "EXISTS (SELECT 1 FROM apps WHERE surface = $1 AND (tenant = $2 OR $2 = 't_system'))",
  app: `EXISTS (SELECT 1 FROM subscriptions WHERE app = $1 AND (tenant = $2 OR $2 = 't_system'))
     OR EXISTS (SELECT 1 FROM projects WHERE app = $1 AND (tenant = $2 OR $2 = 't_system'))`,
  user: 'EXISTS (SELECT 1 FROM memberships WHERE principal = $1)',
};

async function requireOne(
  tx: Transaction,
  { table, name }: Resource,
  tenant: string,
  id: Json | undefined,
): Promise<void> {
  if (id === undefined || id === null) return;
  if ((await tx.queryOne(USABLE(table), [id, tenant])) === null)
    throw new Refusal('UNKNOWN_REFERENCE', `The tenant has no such ${name}.`);
}

/** The control plane sees all tenants, a tenant what is shared: neither is told of what it does not see. */
async function requireFree(
  tx: Transaction,
  { table, name }: Resource,
  tenant: string,
  id: Json,
): Promise<void> {
  const others = tenant === 't_system' ? "tenant <> 't_system'" : "tenant = 't_system'";
  if ((await tx.queryOne(`SELECT 1 FROM ${table} WHERE id = $1 AND ${others}`, [id])) !== null)
    throw new Refusal('EXISTS', `The id of this ${name} is taken.`);
}
