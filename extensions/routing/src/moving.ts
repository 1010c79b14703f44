import { type Context, ExtensionError, type Transaction } from '#sdk';
import { type Side, type Summary, summarise, synchronise, wipe } from './copy.ts';
import { codeOf, messageOf } from './failures.ts';
import type { Misplaced, Placement } from './placements.ts';
import { tenantOf } from './scope.ts';

/** Passes without holding anybody up, until so little differs that the last one is short. */
const MAX_PASSES = 4;
const LITTLE = 50;

/**
 * Moves the data of one placement: a copy below a prefix of its own while everybody goes on, the difference while
 * writers wait, both sides compared, then the switch. Until that commits, the data is where it was. A copy that is
 * not switched to is a leftover, on record before the first key of it is written.
 */
export async function movePlacement(ctx: Context, placement: Misplaced): Promise<void> {
  const prefix = crypto.randomUUID();
  await begin(ctx, placement, prefix);
  try {
    const [from, to] = [sideOf(ctx, placement), sideOf(ctx, { store: placement.wanted, prefix })];
    const progress = async (written: number) => {
      ctx.signal.throwIfAborted();
      if (written > 0) await copied(ctx, prefix, written);
    };
    for (let pass = 1, differed = LITTLE + 1; pass <= MAX_PASSES && differed > LITTLE; pass += 1)
      differed = await synchronise(from, to, progress);
    await note(ctx, prefix, 'switching', null);
    const moved = await ctx.db.transaction((tx) => finish(ctx, tx, placement, { prefix, from, to }));
    ctx.log.info('data was moved', { kind: placement.kind, caller: placement.caller, ...moved });
  } catch (failure) {
    const { kind, caller, wanted } = placement;
    const why = { code: codeOf(failure), reason: messageOf(failure) };
    ctx.log.warn('data could not be moved', { kind, caller, to: wanted, ...why });
    await note(ctx, prefix, 'failed', messageOf(failure).slice(0, 500));
    throw failure;
  }
}

/**
 * Removes copies that nothing is in any more, of this tenant. Tries all, so that one store that does not answer keeps
 * nothing in the others. `needsAnswer`: that a store is not connected any more does not do for its being gone.
 */
export async function removeLeftovers(ctx: Context, { needsAnswer = false } = {}): Promise<void> {
  const { rows } = await ctx.db.query<{ prefix: string; store: string }>(
    `SELECT prefix, store FROM leftovers l WHERE tenant = $1
       AND NOT EXISTS (SELECT 1 FROM placements p WHERE p.prefix = l.prefix)
       AND NOT EXISTS (SELECT 1 FROM moves m WHERE m.prefix = l.prefix AND m.state <> 'failed')`,
    [tenantOf(ctx)],
  );
  const failures: unknown[] = [];
  for (const { prefix, store } of rows) {
    try {
      await wipe(sideOf(ctx, { prefix, store }));
    } catch (failure) {
      ctx.signal.throwIfAborted();
      // Else an operator disconnected it, with all that was in it.
      if (needsAnswer || codeOf(failure) !== 'E_STORE_UNKNOWN') {
        const why = { code: codeOf(failure), reason: messageOf(failure) };
        ctx.log.warn('data could not be removed', { store, ...why });
        failures.push(failure);
        continue;
      }
    }
    await ctx.db.query('DELETE FROM leftovers WHERE prefix = $1', [prefix]);
  }
  if (failures.length > 0) throw failures[0]; // it is tried again
}

async function begin(ctx: Context, { id, tenant, wanted }: Misplaced, prefix: string): Promise<void> {
  await ctx.db.transaction(async (tx) => {
    await tx.query('INSERT INTO leftovers (prefix, tenant, store) VALUES ($1, $2, $3)', [
      prefix,
      tenant,
      wanted,
    ]);
    await tx.query(
      `INSERT INTO moves (placement, tenant, to_store, prefix, state) VALUES ($1, $2, $3, $4, 'copying')
       ON CONFLICT (placement) DO UPDATE SET to_store = excluded.to_store, prefix = excluded.prefix,
         state = 'copying', copied = 0, error = NULL, attempts = moves.attempts + 1, updated_at = now()`,
      [id, tenant, wanted, prefix],
    );
  });
}

interface Copy {
  readonly prefix: string;
  readonly from: Side;
  readonly to: Side;
}

/** In the transaction that keeps writers waiting. */
async function finish(ctx: Context, tx: Transaction, placement: Misplaced, copy: Copy): Promise<Summary> {
  const { id, tenant, caller, kind, store, wanted } = placement;
  await requireOwnMove(tx, placement, copy.prefix);
  // A transaction in which nothing is asked for is ended.
  const alive = async () => void (await tx.query('SELECT 1'));
  await synchronise(copy.from, copy.to, alive);
  const [here, there] = [await summarise(copy.from, alive), await summarise(copy.to, alive)];
  if (here.digest !== there.digest || here.keys !== there.keys || here.entries !== there.entries)
    throw new ExtensionError('COPY_DIFFERS', `the copy in ${wanted} is not what is in ${store}`);
  await tx.query('UPDATE placements SET store = $2, prefix = $3, placed_at = now() WHERE id = $1', [
    id,
    wanted,
    copy.prefix,
  ]);
  await tx.query('DELETE FROM moves WHERE placement = $1', [id]);
  await tx.query('DELETE FROM leftovers WHERE prefix = $1', [copy.prefix]);
  const old = [placement.prefix, tenant, store];
  await tx.query('INSERT INTO leftovers (prefix, tenant, store) VALUES ($1, $2, $3)', old);
  const { keys, entries } = here;
  await ctx.events.publishInTransaction(tx, 'magflock.routing.moved', {
    ...{ tenant, caller, kind, from: store, to: wanted, keys, entries },
  });
  return here;
}

/** First the row that writers look at before they begin, then the one they hold while they write. */
async function requireOwnMove(tx: Transaction, { id, prefix }: Placement, own: string): Promise<void> {
  const move = await tx.queryOne('SELECT 1 FROM moves WHERE placement = $1 AND prefix = $2 FOR UPDATE', [
    id,
    own,
  ]);
  const place = await tx.queryOne('SELECT 1 FROM placements WHERE id = $1 AND prefix = $2 FOR UPDATE', [
    id,
    prefix,
  ]);
  if (move === null || place === null)
    throw new ExtensionError('MOVED_BY_ANOTHER', 'somebody else moves or moved this data');
}

/** A move that another one took over from has another prefix: nothing of that one is changed. */
async function note(ctx: Context, prefix: string, state: string, error: string | null): Promise<void> {
  await ctx.db.query('UPDATE moves SET state = $2, error = $3, updated_at = now() WHERE prefix = $1', [
    prefix,
    state,
    error,
  ]);
}

async function copied(ctx: Context, prefix: string, written: number): Promise<void> {
  await ctx.db.query('UPDATE moves SET copied = copied + $2, updated_at = now() WHERE prefix = $1', [
    prefix,
    written,
  ]);
}

function sideOf(ctx: Context, { store, prefix }: Pick<Placement, 'store' | 'prefix'>): Side {
  return { store: ctx.stores.use(store), prefix: `${prefix}/` };
}
