import type { Context, EventEnvelope, Json, MembershipAsked, Transaction } from '#sdk';
import { findMode } from './modes.ts';
import { Refusal } from './problems.ts';

/** Of a tenant, or of one of its surfaces: then `surface` is not empty. */
export interface Target {
  readonly tenant: string;
  readonly surface: string;
}

export type Attachment = Record<string, Json> & {
  readonly tenant: string;
  readonly surface: string;
  readonly mode: string;
  readonly version: number;
};

/** The surface beats the tenant, and what the tenant has beats what is for everybody. */
const CURRENT = `
  SELECT mode FROM attachments
  WHERE (tenant = $1 OR tenant = 't_system') AND (surface = '' OR surface = $2)
  ORDER BY surface <> '' DESC, tenant = $1 DESC LIMIT 1`;

/** The tap of `magauth.membership_resolver`: who is no member has no use for a mode. */
export async function resolve(asked: MembershipAsked, { db }: Context): Promise<MembershipAsked> {
  if (asked.roles === null) return asked;
  const found = await db.queryOne<{ mode: string }>(CURRENT, [asked.tenantId, asked.surfaceId ?? '']);
  return { ...asked, mode: found?.mode ?? asked.mode };
}

export function findAttachment({ db }: Context, { tenant, surface }: Target): Promise<Attachment | null> {
  return db.queryOne<Attachment>('SELECT * FROM attachments WHERE tenant = $1 AND surface = $2', [
    tenant,
    surface,
  ]);
}

/** By tenant and surface, from the place of `after` on. */
export async function listAttachments(
  { db }: Context,
  filter: { readonly tenant: string | null; readonly mode: string | null },
  after: Target,
  limit: number,
): Promise<Attachment[]> {
  const { rows } = await db.query<Attachment>(
    `SELECT * FROM attachments WHERE (tenant, surface) > ($1, $2)
       AND ($3::text IS NULL OR tenant = $3) AND ($4::text IS NULL OR mode = $4)
     ORDER BY tenant, surface LIMIT $5`,
    [after.tenant, after.surface, filter.tenant, filter.mode, limit],
  );
  return rows;
}

/** `version` undefined: it must not be there yet; `null`: whatever there is. @throws `UNKNOWN_MODE`, `PRECONDITION_REQUIRED`, `STALE` */
export function attach(
  ctx: Context,
  target: Target,
  mode: string,
  version: number | null | undefined,
): Promise<Attachment> {
  const { tenant, surface } = target;
  return ctx.db.transaction(async (tx) => {
    if ((await findMode(tx, mode)) === null) throw new Refusal('UNKNOWN_MODE', 'There is no such mode.');
    const made = await tx.queryOne<Attachment>(
      'INSERT INTO attachments (tenant, surface, mode) VALUES ($1, $2, $3) ON CONFLICT (tenant, surface) DO NOTHING RETURNING *',
      [tenant, surface, mode],
    );
    const attachment = made ?? (await replace(tx, target, mode, version));
    if (made !== null && typeof version === 'number') throw new Refusal('STALE', 'It has no mode any more.');
    await tell(ctx, tx, target, mode);
    return attachment;
  });
}

async function replace(
  tx: Transaction,
  { tenant, surface }: Target,
  mode: string,
  version: number | null | undefined,
): Promise<Attachment> {
  if (version === undefined)
    throw new Refusal(
      'PRECONDITION_REQUIRED',
      'It has a mode: If-Match has to name the ETag that was read, or *.',
    );
  const row = await tx.queryOne<Attachment>(
    `UPDATE attachments SET mode = $3, version = version + 1, updated_at = now()
     WHERE tenant = $1 AND surface = $2 AND ($4::integer IS NULL OR version = $4) RETURNING *`,
    [tenant, surface, mode, version],
  );
  if (row === null) throw new Refusal('STALE', 'The mode was changed meanwhile.');
  return row;
}

/** @throws `NOT_FOUND`, `STALE` */
export function detach(ctx: Context, target: Target, version: number | null): Promise<Attachment> {
  const { tenant, surface } = target;
  return ctx.db.transaction(async (tx) => {
    const row = await tx.queryOne<Attachment>(
      'DELETE FROM attachments WHERE tenant = $1 AND surface = $2 AND ($3::integer IS NULL OR version = $3) RETURNING *',
      [tenant, surface, version],
    );
    if (row === null) {
      const isThere = await tx.queryOne('SELECT 1 FROM attachments WHERE tenant = $1 AND surface = $2', [
        tenant,
        surface,
      ]);
      if (isThere !== null) throw new Refusal('STALE', 'The mode was changed meanwhile.');
      throw new Refusal('NOT_FOUND', 'It has no mode of its own.');
    }
    await tell(ctx, tx, target, null);
    return row;
  });
}

/** A tenant was erased: nothing is kept of it here either. The handler is one transaction. */
export async function forget({ data }: EventEnvelope<{ tenant: string }>, ctx: Context): Promise<void> {
  const { rows } = await ctx.db.query<Attachment>('DELETE FROM attachments WHERE tenant = $1 RETURNING *', [
    data.tenant,
  ]);
  for (const { tenant, surface } of rows)
    await ctx.events.publish('magflock.modes.attached', { tenant, surface: surface || null, mode: null });
}

async function tell(
  ctx: Context,
  tx: Transaction,
  { tenant, surface }: Target,
  mode: string | null,
): Promise<void> {
  const data = { tenant, surface: surface || null, mode };
  await ctx.events.publishInTransaction(tx, 'magflock.modes.attached', data);
}
