import type { Context, Json, Transaction } from '#sdk';
import { Refusal } from './problems.ts';

export const ID = /^[a-z0-9][a-z0-9_-]{0,63}$/;
const MAX_JSON_CHARS = 16_384;

/** What Postgres cannot keep: U+0000, and halves of a surrogate pair. JSON of it names them so. */
const UNSTORABLE = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f])/;

/** Whether Postgres takes it. */
export function isStorable(value: Json): boolean {
  return !UNSTORABLE.test(JSON.stringify(value));
}

/** How a tenant can be run. */
export type Mode = Record<string, Json> & { readonly id: string; readonly version: number };

export interface ModeBody {
  readonly name?: string;
  readonly entitlements?: Record<string, Json>;
}

/** @throws `INVALID` */
export function readMode(body: Json): ModeBody & { readonly id?: string } {
  if (body === null || typeof body !== 'object' || Array.isArray(body))
    throw new Refusal('INVALID', 'A JSON object is needed.');
  const unknown = Object.keys(body).find((name) => !['id', 'name', 'entitlements'].includes(name));
  if (unknown !== undefined)
    throw new Refusal('INVALID', `There is no ${JSON.stringify(unknown.slice(0, 80))}.`);
  const { id, name, entitlements } = body;
  if (id !== undefined && !(typeof id === 'string' && ID.test(id)))
    throw new Refusal('INVALID', `id does not match ${ID.source}.`);
  if (name !== undefined && !isName(name))
    throw new Refusal('INVALID', 'name is no text of 1 to 200 characters.');
  if (entitlements !== undefined && !isEntitlements(entitlements))
    throw new Refusal('INVALID', `entitlements is no object of at most ${MAX_JSON_CHARS} characters.`);
  return body as ModeBody;
}

function isName(value: Json): boolean {
  return typeof value === 'string' && value.trim() !== '' && value.length <= 200 && isStorable(value);
}

function isEntitlements(value: Json): boolean {
  const isObject = value !== null && typeof value === 'object' && !Array.isArray(value);
  return isObject && JSON.stringify(value).length <= MAX_JSON_CHARS && isStorable(value);
}

export async function listModes({ db }: Context, after: string, limit: number): Promise<Mode[]> {
  return (await db.query<Mode>('SELECT * FROM modes WHERE id > $1 ORDER BY id LIMIT $2', [after, limit]))
    .rows;
}

export function findMode(
  db: Pick<Context['db'], 'queryOne'> | Transaction,
  id: string,
): Promise<Mode | null> {
  return db.queryOne<Mode>('SELECT * FROM modes WHERE id = $1', [id]);
}

/** @throws `EXISTS`, `INVALID` */
export function createMode(
  ctx: Context,
  { id, name, entitlements = {} }: ModeBody & { id?: string },
): Promise<Mode> {
  if (id === undefined || name === undefined) throw new Refusal('INVALID', 'id and name are needed.');
  return ctx.db.transaction(async (tx) => {
    const mode = await tx.queryOne<Mode>(
      'INSERT INTO modes (id, name, entitlements) VALUES ($1, $2, $3::jsonb) ON CONFLICT (id) DO NOTHING RETURNING *',
      [id, name, JSON.stringify(entitlements)],
    );
    if (mode === null) throw new Refusal('EXISTS', 'There is such a mode already.');
    await ctx.events.publishInTransaction(tx, 'magflock.modes.mode_created', told(mode));
    return mode;
  });
}

/** What is not in the body stays. @throws `NOT_FOUND`, `STALE` */
export function updateMode(ctx: Context, id: string, body: ModeBody, version: number | null): Promise<Mode> {
  return ctx.db.transaction(async (tx) => {
    const mode = await tx.queryOne<Mode>(
      `UPDATE modes SET name = coalesce($2::text, name), entitlements = coalesce($3::jsonb, entitlements),
         version = version + 1, updated_at = now()
       WHERE id = $1 AND ($4::integer IS NULL OR version = $4) RETURNING *`,
      [id, body.name ?? null, body.entitlements ? JSON.stringify(body.entitlements) : null, version],
    );
    if (mode === null) throw await whyNot(tx, id);
    await ctx.events.publishInTransaction(tx, 'magflock.modes.mode_updated', told(mode));
    return mode;
  });
}

/** @throws `NOT_FOUND`, `STALE`, `IN_USE` */
export function removeMode(ctx: Context, id: string, version: number | null): Promise<Mode> {
  return ctx.db.transaction(async (tx) => {
    if ((await tx.queryOne('SELECT 1 FROM attachments WHERE mode = $1', [id])) !== null)
      throw new Refusal('IN_USE', 'A tenant or a surface is run in this mode.');
    const mode = await tx.queryOne<Mode>(
      'DELETE FROM modes WHERE id = $1 AND ($2::integer IS NULL OR version = $2) RETURNING *',
      [id, version],
    );
    if (mode === null) throw await whyNot(tx, id);
    await ctx.events.publishInTransaction(tx, 'magflock.modes.mode_removed', told(mode));
    return mode;
  });
}

async function whyNot(tx: Transaction, id: string): Promise<Refusal> {
  const isThere = (await findMode(tx, id)) !== null;
  if (isThere) return new Refusal('STALE', 'The mode was changed meanwhile.');
  return new Refusal('NOT_FOUND', 'There is no such mode.');
}

function told({ id, version }: Mode) {
  return { id, version };
}
