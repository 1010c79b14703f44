import type { Context, Json, JsonObject } from '#sdk';
import { nameOf, OF_TENANT, type Place } from './places.ts';
import { type Code, Refusal } from './problems.ts';

const ROUTING = 'magflock/routing';
const KIND = 'feature_flags';
const CHANGES = 'changes';
const MAX_CHANGES = 500;
const PAGE = 250;
const FLAG = 'flag/';
const SCOPE = 'scope/';

/** What routing says no with, as ours. */
const CODES: ReadonlyMap<unknown, Code> = new Map([
  ['ROUTE_MISSING', 'ROUTE_MISSING'],
  ['STORE_UNKNOWN', 'STORE_UNKNOWN'],
  ['STORE_UNAVAILABLE', 'STORE_UNAVAILABLE'],
  ['QUOTA', 'QUOTA'],
  ['TOO_LARGE', 'TOO_LARGE'],
  ['BAD_REQUEST', 'INVALID'],
  ['TENANT_ERASED', 'NOT_FOUND'],
]);

/** As it is kept: a flag, or what is left of one that was removed, so that its versions go on. */
export type Stored = {
  /** `null`: it was removed. */
  readonly definition: JsonObject | null;
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly updatedBy: string;
};

/** With the version that the store gave it. */
export interface StoredFlag extends Stored {
  readonly key: string;
  readonly place: Place;
  readonly version: number;
}

/** All that is kept of a place. */
export interface Contents {
  readonly flags: readonly StoredFlag[];
  readonly removed: readonly StoredFlag[];
  /** Of a tenant: the names of surfaces and apps that have flags. */
  readonly scopes: ReadonlySet<string>;
  /** Of all definitions. */
  readonly chars: number;
}

export async function readPlace(ctx: Context, place: Place): Promise<Contents> {
  const entries = await allEntries(ctx, place);
  const stored = entries
    .filter(({ key }) => key.startsWith(FLAG))
    .map(({ key, value, version }) => ({
      ...(value as Stored),
      key: key.slice(FLAG.length),
      place,
      version,
    }));
  const scopes = entries.filter(({ key }) => key.startsWith(SCOPE)).map(({ key }) => key.slice(SCOPE.length));
  const flags = stored.filter(({ definition }) => definition !== null);
  return {
    flags,
    removed: stored.filter(({ definition }) => definition === null),
    scopes: new Set(scopes),
    chars: flags.reduce((sum, { definition }) => sum + JSON.stringify(definition).length, 0),
  };
}

/** A removed one too. */
export async function readStored(ctx: Context, place: Place, key: string): Promise<StoredFlag | null> {
  const found = await call<{ value: Stored; version: number } | null>(ctx, 'kvGet', place, {
    key: FLAG + key,
  });
  return found === null ? null : { ...found.value, key, place, version: found.version };
}

/** `null`: it has another version than this by now, or is there although this is 0. */
export async function swapStored(
  ctx: Context,
  { place, key, version, ...value }: StoredFlag,
): Promise<StoredFlag | null> {
  const params = { key: FLAG + key, value, version };
  const written = await call<{ swapped: boolean; version: number }>(ctx, 'kvCompareAndSet', place, params);
  return written.swapped ? { ...value, place, key, version: written.version } : null;
}

/** Its versions begin anew. */
export async function forgetStored(ctx: Context, { place, key }: StoredFlag): Promise<void> {
  await call(ctx, 'kvDelete', place, { key: FLAG + key });
}

/** Notes that a surface or an app has flags: what nobody noted is never asked for. */
export async function noteScope(ctx: Context, place: Place): Promise<void> {
  await call(ctx, 'kvSet', OF_TENANT, { key: SCOPE + nameOf(place), value: true });
}

/** The oldest go when there are more than 500 of a place. */
export async function appendChange(ctx: Context, place: Place, change: JsonObject): Promise<void> {
  await call(ctx, 'busAppend', place, { stream: CHANGES, value: change, keep: MAX_CHANGES });
}

export async function readChanges(ctx: Context, place: Place): Promise<JsonObject[]> {
  const changes: JsonObject[] = [];
  for (let after = 0; ; ) {
    const params = { stream: CHANGES, after, limit: 100 };
    const { entries } = await call<{ entries: { id: number; value: JsonObject }[] }>(
      ctx,
      'busRead',
      place,
      params,
    );
    if (entries.length === 0) return changes;
    changes.push(...entries.map(({ value }) => value));
    after = entries.at(-1)?.id ?? after;
  }
}

interface Entry {
  readonly key: string;
  readonly value: Json;
  readonly version: number;
}

/** As many at a time as fit one answer. */
async function allEntries(ctx: Context, place: Place): Promise<Entry[]> {
  const all: Entry[] = [];
  for (let [after, limit] = ['', PAGE]; ; ) {
    const page = await call<{ entries: Entry[] }>(ctx, 'kvList', place, { after, limit }).catch((failure) => {
      if (!(failure instanceof Refusal) || failure.code !== 'TOO_LARGE' || limit === 1) throw failure;
      return null;
    });
    if (page === null) {
      limit = Math.ceil(limit / 4);
      continue;
    }
    all.push(...page.entries);
    if (page.entries.length < limit) return all;
    after = page.entries.at(-1)?.key ?? after;
  }
}

async function call<Result>(ctx: Context, method: string, place: Place, params: JsonObject): Promise<Result> {
  try {
    return await ctx.extensions.call<Result>(ROUTING, method, { ...place, ...params, kind: KIND });
  } catch (failure) {
    const { code: theirs, message } = failure as { code?: unknown; message?: string };
    const code = CODES.get(theirs);
    throw code === undefined ? failure : new Refusal(code, String(message));
  }
}
