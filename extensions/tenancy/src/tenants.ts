import type { Context, Json } from '#sdk';
import { announce, SYSTEM } from './changes.ts';
import { Refusal } from './problems.ts';
import { OF_TENANT, TENANTS } from './resources.ts';
import { findRow, listRows, notFound, type Row, updateRow } from './rows.ts';

const PAGE = 100;

/** @throws `SYSTEM_TENANT`, `NOT_FOUND`, `TENANT_ERASED` */
export async function requireChangeable(ctx: Context, id: string): Promise<Row> {
  if (id === SYSTEM) throw new Refusal('SYSTEM_TENANT', 't_system is the control plane: it stays as it is.');
  const row = await findRow(ctx.db, TENANTS, { tenant: null, id });
  if (row === null) throw notFound(TENANTS);
  if (row.status === 'erased') throw new Refusal('TENANT_ERASED', 'The tenant was erased.');
  return row;
}

/**
 * Forgets a tenant: all that is kept here of it, and of those who were nowhere else. Its id stays, so that nobody gets
 * it again. @throws as `requireChangeable`; `STALE`
 */
export async function erase(ctx: Context, id: string, version: number | null): Promise<Row> {
  await requireChangeable(ctx, id);
  return ctx.db.transaction(async (tx) => {
    const key = { tenant: null, id };
    await tx.query('SELECT 1 FROM tenants WHERE id = $1 FOR UPDATE', [id]);
    const row = await updateRow(tx, TENANTS, key, ERASED, version);
    const members = await tx.query<{ principal: string }>(
      'DELETE FROM memberships WHERE tenant = $1 RETURNING principal',
      [id],
    );
    for (const table of ['projects', 'subscriptions', 'apps', 'surfaces'])
      await tx.query(`DELETE FROM ${table} WHERE tenant = $1`, [id]);
    await tx.query(
      `DELETE FROM users WHERE id = ANY ($1::text[])
         AND NOT EXISTS (SELECT 1 FROM memberships m WHERE m.principal = users.id)`,
      [members.rows.map(({ principal }) => principal)],
    );
    await announce(ctx, tx, TENANTS, 'erased', null, row);
    return row;
  });
}

const ERASED = new Map<string, Json>([
  ['status', 'erased'],
  ['name', 'Erased'],
  ['settings', {}],
]);

/** All that is kept here of a tenant, a line of JSON for each thing. */
export async function* exportOf(ctx: Context, id: string): AsyncGenerator<string> {
  const tenant = await findRow(ctx.db, TENANTS, { tenant: null, id });
  if (tenant === null) return;
  yield line('tenant', tenant);
  for (const resource of Object.values(OF_TENANT)) {
    let after = '';
    for (;;) {
      const rows = await listRows(ctx.db, resource, { tenant: id, filters: new Map(), after, limit: PAGE });
      if (rows.length > 0) yield rows.map((row) => line(resource.name, row)).join('');
      if (rows.length < PAGE) break;
      after = String(rows.at(-1)?.[resource.key]);
    }
  }
  yield* usersOf(ctx, id);
}

async function* usersOf(ctx: Context, tenant: string): AsyncGenerator<string> {
  let after = '';
  for (;;) {
    const { rows } = await ctx.db.query<Row & { id: string }>(
      `SELECT u.* FROM users u JOIN memberships m ON m.principal = u.id
       WHERE m.tenant = $1 AND u.id > $2 ORDER BY u.id LIMIT $3`,
      [tenant, after, PAGE],
    );
    if (rows.length > 0) yield rows.map((row) => line('user', row)).join('');
    if (rows.length < PAGE) return;
    after = rows.at(-1)?.id ?? '';
  }
}

function line(kind: string, row: Row): string {
  return `${JSON.stringify({ kind, ...row })}\n`;
}
