import { type Context, ExtensionError, type Json, type Store } from '#sdk';
import { codeOf, told } from './failures.ts';
import { letPass, locate, type Placement } from './placements.ts';
import { candidates, view, winner } from './resolve.ts';
import { bad, members, type Scope, scopeIn, tenantErased, tenantOf } from './scope.ts';

/** Of a key or stream; the rest of what a store takes is the prefix. */
const MAX_CHARS = 400;
const TRIES = 3;

/** What is done with a store, and the prefix of the caller's data in it. */
type Work<Result> = (store: Store, prefix: string) => Promise<Result>;

export const exportedMethods = {
  resolve: async (params: Json, ctx: Context) => {
    const [scope, tenant] = [scopeIn(params), tenantOf(ctx)];
    const route = winner(await candidates(ctx, tenant, scope), tenant, scope);
    return { store: route.store, config: route.config, entry: view(route) };
  },
  kvGet: (params: Json, ctx: Context) =>
    reading(ctx, params, async (store, prefix) => {
      const { value, version } = await store.getVersioned(prefix + textIn(params, 'key'));
      return version === 0 ? null : { value, version };
    }),
  kvList: (params: Json, ctx: Context) =>
    reading(ctx, params, async (store, prefix) => {
      const { after, limit } = pageIn(params);
      const below = prefix + optionalText(params, 'prefix');
      const found = await store.list({
        prefix: below,
        ...limit,
        ...(after === '' ? {} : { after: prefix + after }),
      });
      return { entries: found.map(({ key, ...entry }) => ({ key: key.slice(prefix.length), ...entry })) };
    }),
  kvSet: (params: Json, ctx: Context) =>
    writing(ctx, params, (store, prefix) => store.set(prefix + textIn(params, 'key'), valueIn(params))),
  kvDelete: (params: Json, ctx: Context) =>
    writing(ctx, params, async (store, prefix) => ({
      deleted: await store.delete(prefix + textIn(params, 'key')),
    })),
  kvCompareAndSet: (params: Json, ctx: Context) =>
    writing(ctx, params, (store, prefix) =>
      store.compareAndSet(prefix + textIn(params, 'key'), valueIn(params), versionIn(params)),
    ),
  busAppend: (params: Json, ctx: Context) =>
    writing(ctx, params, (store, prefix) => {
      const { keep } = members(params);
      const options = keep === undefined ? {} : { keep: keep as number };
      return store.append(prefix + textIn(params, 'stream'), valueIn(params), options);
    }),
  busRead: (params: Json, ctx: Context) =>
    reading(ctx, params, async (store, prefix) => {
      const { after = 0, limit = 100 } = members(params) as { after?: number; limit?: number };
      return { entries: await store.read(prefix + textIn(params, 'stream'), { after, limit }) };
    }),
};

/** What was read is of one place: when the data was moved meanwhile, it is read again. */
export async function readPlaced<Result>(
  ctx: Context,
  caller: string,
  scope: Scope,
  work: Work<Result>,
): Promise<Result> {
  for (let tries = 1; ; tries += 1) {
    const place = await locate(ctx, caller, scope);
    const result = await done(ctx, place, work);
    const now = await ctx.db.queryOne<Placement>('SELECT id, store, prefix FROM placements WHERE id = $1', [
      place.id,
    ]);
    if (now?.prefix === place.prefix) return result;
    if (tries === TRIES) throw new ExtensionError('STORE_UNAVAILABLE', 'the data is moved again and again');
  }
}

function reading<Result>(ctx: Context, params: Json, work: Work<Result>): Promise<Result> {
  return readPlaced(ctx, callerOf(ctx), scopeIn(params), work);
}

/** While somebody writes, nobody moves the data: the row of its place is held until the write is answered. */
async function writing<Result>(ctx: Context, params: Json, work: Work<Result>): Promise<Result> {
  const [caller, scope] = [callerOf(ctx), scopeIn(params)];
  for (let tries = 1; ; tries += 1) {
    const begun = { is: false };
    try {
      return await writeOnce(ctx, caller, scope, (store, prefix) => {
        begun.is = true;
        return work(store, prefix);
      });
    } catch (failure) {
      // A move that switches keeps writers waiting. What has not begun can be tried again.
      if (begun.is || codeOf(failure) !== 'E_DB_TIMEOUT' || tries === TRIES) throw failure;
    }
  }
}

async function writeOnce<Result>(
  ctx: Context,
  caller: string,
  scope: Scope,
  work: Work<Result>,
): Promise<Result> {
  const { id, switching } = await locate(ctx, caller, scope);
  if (switching) await letPass(ctx, id);
  return ctx.db.transaction(async (tx) => {
    const held = 'SELECT id, store, prefix FROM placements WHERE id = $1 FOR SHARE';
    const place = await tx.queryOne<Placement>(held, [id]);
    if (place === null) throw tenantErased(tenantOf(ctx));
    return done(ctx, place, work);
  });
}

async function done<Result>(ctx: Context, { store, prefix }: Placement, work: Work<Result>): Promise<Result> {
  try {
    return await work(ctx.stores.use(store), `${prefix}/`);
  } catch (failure) {
    throw told(failure, store);
  }
}

/** The host says who calls: data of two callers is never the same. */
function callerOf({ caller }: Context): string {
  if (caller === null) throw bad('this is called by other extensions');
  return caller;
}

function textIn(params: Json, name: string): string {
  const value = members(params)[name];
  if (typeof value === 'string' && value !== '' && value.length <= MAX_CHARS) return value;
  throw bad(`${name} is a text of 1 to ${MAX_CHARS} characters`);
}

function optionalText(params: Json, name: string): string {
  return members(params)[name] === undefined || members(params)[name] === '' ? '' : textIn(params, name);
}

function pageIn(params: Json): { after: string; limit: { limit?: number } } {
  const { limit } = members(params);
  return {
    after: optionalText(params, 'after'),
    limit: limit === undefined ? {} : { limit: limit as number },
  };
}

function valueIn(params: Json): Json {
  const { value } = members(params);
  if (value === undefined) throw bad('value is missing');
  return value as Json;
}

function versionIn(params: Json): number {
  const { version } = members(params);
  if (typeof version === 'number' && Number.isSafeInteger(version) && version >= 0) return version;
  throw bad('version is the one that was read, or 0');
}
