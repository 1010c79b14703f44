import { type Context, ExtensionError, type Json, type JsonObject, type Transaction } from '#sdk';
import { requireNotErased } from './erasing.ts';
import { startMoves } from './move-jobs.ts';
import { requireControlPlane, requireSeen, type Scope } from './scope.ts';

export interface Entry extends Scope {
  readonly id: string;
  readonly tenant: string;
  /** `null`: removed. */
  readonly store: string | null;
  readonly config: JsonObject;
  readonly version: number;
  readonly changedBy: string;
  readonly changedAt: string;
}

/** What an entry is to say. */
export interface Wanted {
  readonly store: string | null;
  readonly config: JsonObject;
}

export const ENTRY_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const COLUMNS = `id, tenant, kind, surface, app, project, store, config, version,
  changed_by AS "changedBy", changed_at AS "changedAt"`;

/** @throws `WRONG_TENANT` */
export async function listEntries(
  ctx: Context,
  filter: { tenant: string | null; kind: string | null; after: string | null; limit: number },
): Promise<Entry[]> {
  if (filter.tenant !== null) requireSeen(ctx, filter.tenant);
  const { rows } = await ctx.db.query<Entry>(
    `SELECT ${COLUMNS} FROM entries
     WHERE store IS NOT NULL AND ($1::text IS NULL OR tenant = $1) AND ($2::text IS NULL OR kind = $2)
       AND ($3::uuid IS NULL OR id > $3) ORDER BY id LIMIT $4`,
    [filter.tenant, filter.kind, filter.after, filter.limit],
  );
  return rows;
}

/** Removed ones too: their history goes on when they are made again. @throws `NOT_FOUND` */
export async function entryById(ctx: Context, id: string): Promise<Entry> {
  const entry = ENTRY_ID.test(id)
    ? await ctx.db.queryOne<Entry>(`SELECT ${COLUMNS} FROM entries WHERE id = $1`, [id])
    : null;
  if (entry === null) throw new ExtensionError('NOT_FOUND', 'there is no such entry');
  return entry;
}

export async function findEntry(ctx: Context, tenant: string, scope: Scope): Promise<Entry | null> {
  return ctx.db.queryOne<Entry>(
    `SELECT ${COLUMNS} FROM entries WHERE tenant = $1 AND kind = $2 AND surface = $3 AND app = $4 AND project = $5`,
    [tenant, scope.kind, scope.surface, scope.app, scope.project],
  );
}

export async function historyOf(ctx: Context, id: string): Promise<Json[]> {
  const { rows } = await ctx.db.query(
    `SELECT version, store, config, changed_by AS "changedBy", changed_at AS "changedAt"
     FROM entry_versions WHERE entry = $1 ORDER BY version`,
    [id],
  );
  return rows;
}

/** @throws `EXISTS`, `WRONG_TENANT`, `TENANT_ERASED` */
export async function makeEntry(ctx: Context, tenant: string, scope: Scope, wanted: Wanted): Promise<Entry> {
  requireControlPlane(ctx);
  await requireNotErased(ctx, tenant);
  const made = await ctx.db.transaction(async (tx) => {
    // Where one was removed, it is made again.
    const row = await tx.queryOne<Entry>(
      `INSERT INTO entries (tenant, kind, surface, app, project, store, config, changed_by)
       VALUES ($1, $2, $3, $4, $5, $6, $7::json, $8)
       ON CONFLICT (tenant, kind, surface, app, project) DO UPDATE
         SET store = excluded.store, config = excluded.config, changed_by = excluded.changed_by,
           changed_at = now(), version = entries.version + 1
         WHERE entries.store IS NULL
       RETURNING ${COLUMNS}`,
      [
        tenant,
        scope.kind,
        scope.surface,
        scope.app,
        scope.project,
        wanted.store,
        JSON.stringify(wanted.config),
        by(ctx),
      ],
    );
    if (row === null) throw new ExtensionError('EXISTS', 'there is an entry for this already: change it');
    await record(ctx, tx, row);
    return row;
  });
  await startMoves(ctx);
  return made;
}

/** @param version the one it must have; `null`: any. @throws `NOT_FOUND`, `CHANGED`, `WRONG_TENANT` */
export async function changeEntry(
  ctx: Context,
  id: string,
  wanted: Wanted,
  version: number | null,
): Promise<Entry> {
  requireControlPlane(ctx);
  const known = await entryById(ctx, id);
  if (known.store === null) throw new ExtensionError('NOT_FOUND', 'the entry was removed');
  const changed = await ctx.db.transaction(async (tx) => {
    const row = await tx.queryOne<Entry>(
      `UPDATE entries SET store = $2, config = $3::json, changed_by = $4, changed_at = now(), version = version + 1
       WHERE id = $1 AND store IS NOT NULL AND ($5::int IS NULL OR version = $5) RETURNING ${COLUMNS}`,
      [id, wanted.store, JSON.stringify(wanted.config), by(ctx), version],
    );
    if (row === null) throw new ExtensionError('CHANGED', 'somebody else changed the entry: read it again');
    await record(ctx, tx, row);
    return row;
  });
  await startMoves(ctx);
  return changed;
}

async function record(ctx: Context, tx: Transaction, entry: Entry): Promise<void> {
  const { id, tenant, kind, surface, app, project, store, config, version, changedBy } = entry;
  await tx.query(
    `INSERT INTO entry_versions (entry, version, tenant, store, config, changed_by, changed_at)
     VALUES ($1, $2, $3, $4, $5::json, $6, now())`,
    [id, version, tenant, store, JSON.stringify(config), changedBy],
  );
  await ctx.events.publishInTransaction(tx, 'magflock.routing.changed', {
    ...{ entry: id, tenant, kind, store, version },
    ...{ surface: surface || null, app: app || null, project: project || null },
  });
}

function by({ request }: Context): string {
  return request?.principal?.id ?? 'host';
}
