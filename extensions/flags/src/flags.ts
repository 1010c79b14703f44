import type { Context, Job, JsonObject } from '#sdk';
import { completed } from './definition.ts';
import type { FlagCache } from './flag-cache.ts';
import { isScoped, nameOf, OF_TENANT, type Place, placeNamed, tenantOf } from './places.ts';
import { type Expected, Refusal } from './problems.ts';
import {
  appendChange,
  type Contents,
  forgetStored,
  noteScope,
  readPlace,
  readStored,
  type StoredFlag,
  swapStored,
} from './storage.ts';

const [MAX_FLAGS, MAX_CHARS, MAX_SCOPES] = [500, 1_000_000, 100];
/** With those that were removed, whose versions are kept for a day at least. */
const MAX_ENTRIES = 1_000;
const DAY_MS = 86_400_000;
const TRIES = 5;
const ANNOUNCE = 'announce';
/** A change that was made and not told by then is told by the job. */
const PROMISE_MS = 5_000;

/** What a flag is to become, of what it is; `null`: not there. */
type Change = (known: StoredFlag | null) => unknown;

/** @throws `NOT_FOUND` */
export async function flagAt(ctx: Context, place: Place, key: string): Promise<StoredFlag> {
  const found = await readStored(ctx, place, key);
  if (found === null || found.definition === null) throw new Refusal('NOT_FOUND', `there is no flag ${key}`);
  return found;
}

/** Changes of flags: each is made of what the flag is at that moment, or not at all. */
export class Flags {
  readonly #cache: FlagCache;

  constructor(cache: FlagCache) {
    this.#cache = cache;
  }

  /** @throws `INVALID`, `TOO_LARGE`, `LIMIT`, `EXISTS`, `NOT_FOUND`, `STALE`, what routing refuses */
  async change(ctx: Context, place: Place, key: string, expected: Expected, to: Change): Promise<StoredFlag> {
    for (let tries = 1; tries <= TRIES; tries += 1) {
      const found = await readStored(ctx, place, key);
      const known = found?.definition ? found : null;
      requireExpected(known, key, expected);
      const definition = completed(to(known));
      await this.#makeRoom(ctx, place, key, definition, known === null);
      const [at, version] = [new Date().toISOString(), found?.version ?? 0];
      const stamps = { createdAt: known?.createdAt ?? at, updatedAt: at, updatedBy: principalOf(ctx) };
      const wanted = { ...stamps, definition, place, key, version };
      const written = await this.#write(ctx, wanted, known === null ? 'created' : 'updated');
      if (written !== null) return written;
    }
    throw new Refusal('STALE', 'the flag is changed again and again');
  }

  /** @throws `NOT_FOUND`, `STALE`, what routing refuses */
  async remove(ctx: Context, place: Place, key: string, expected: Expected): Promise<StoredFlag> {
    for (let tries = 1; tries <= TRIES; tries += 1) {
      const known = await flagAt(ctx, place, key);
      requireExpected(known, key, expected);
      const updatedAt = new Date().toISOString();
      const removed = { ...known, definition: null, updatedAt, updatedBy: principalOf(ctx) };
      const written = await this.#write(ctx, removed, 'removed');
      if (written !== null) return written;
    }
    throw new Refusal('STALE', 'the flag is changed again and again');
  }

  /** @throws `LIMIT` */
  async #makeRoom(
    ctx: Context,
    place: Place,
    key: string,
    wanted: JsonObject,
    isNew: boolean,
  ): Promise<void> {
    const contents = await readPlace(ctx, place);
    const { flags, removed, chars } = contents;
    if (isNew && flags.length >= MAX_FLAGS)
      throw new Refusal('LIMIT', `${nameOf(place)} has ${MAX_FLAGS} flags, which is the most`);
    const before = flags.find((flag) => flag.key === key)?.definition;
    const sizes = [wanted, before ?? ''].map((definition) => JSON.stringify(definition).length);
    if (chars + (sizes[0] ?? 0) - (sizes[1] ?? 0) > MAX_CHARS)
      throw new Refusal('LIMIT', `flags of ${nameOf(place)} have ${MAX_CHARS} characters, which is the most`);
    if (isNew && flags.length + removed.length >= MAX_ENTRIES) await forgetOldest(ctx, contents);
    if (isNew && isScoped(place)) await this.#openScope(ctx, place);
  }

  /** Before the first flag is there: who reads looks for the scope. */
  async #openScope(ctx: Context, place: Place): Promise<void> {
    const { scopes } = await readPlace(ctx, OF_TENANT);
    if (scopes.has(nameOf(place))) return;
    if (scopes.size >= MAX_SCOPES)
      throw new Refusal('LIMIT', `flags are of at most ${MAX_SCOPES} surfaces and apps`);
    await noteScope(ctx, place);
    this.#cache.forget(ctx, OF_TENANT);
  }

  /** `null`: somebody else was faster. That a change is told is promised before it is made. */
  async #write(ctx: Context, wanted: StoredFlag, change: string): Promise<StoredFlag | null> {
    const { place, key } = wanted;
    const promised = await ctx.jobs.enqueue(ANNOUNCE, { name: nameOf(place), key }, { delayMs: PROMISE_MS });
    const written = await swapStored(ctx, wanted);
    this.#cache.forget(ctx, place);
    if (written !== null && !(await wasTold(ctx, written, change))) return written;
    await ctx.jobs.cancel(promised.id).catch(() => false); // then it is told twice
    return written;
  }
}

/** The job of what was promised: tells what the flag is now. It may be told twice. */
export async function announce({ payload }: Job<{ name: string; key: string }>, ctx: Context): Promise<void> {
  const flag = await readStored(ctx, placeNamed(payload.name), payload.key);
  if (flag !== null) await tell(ctx, flag, flag.definition === null ? 'removed' : 'updated');
}

/** False: who made the change is not kept waiting, and others are told by the job. */
async function wasTold(ctx: Context, flag: StoredFlag, change: string): Promise<boolean> {
  const { place, key, version, definition, updatedAt: at, updatedBy: by } = flag;
  const failed = (what: string) => (failure: unknown) => {
    ctx.log.warn(what, { key, version, why: String(failure) });
    return false;
  };
  await appendChange(ctx, place, { key, version, change, at, by, definition }).catch(
    failed('a change of a flag is missing in its history'),
  );
  return tell(ctx, flag, change).then(() => true, failed('a change of a flag is told later'));
}

async function tell(ctx: Context, { place, key, version }: StoredFlag, change: string): Promise<void> {
  const { surface = null, app = null } = place;
  await ctx.events.publish('magflock.flags.changed', {
    ...{ tenant: tenantOf(ctx), surface, app, key, version, change },
  });
}

function requireExpected(known: StoredFlag | null, key: string, expected: Expected): void {
  if (expected === 'absent' && known !== null) throw new Refusal('EXISTS', `there is a flag ${key} already`);
  if (expected === 'absent' || expected === 'any') return;
  if (known === null) throw new Refusal('NOT_FOUND', `there is no flag ${key}`);
  if (expected !== 'present' && known.version !== expected)
    throw new Refusal('STALE', 'the flag was changed meanwhile: read it again');
}

async function forgetOldest(ctx: Context, { removed }: Contents): Promise<void> {
  const old = removed.filter(({ updatedAt }) => Date.parse(updatedAt) < Date.now() - DAY_MS);
  if (old.length === 0) throw new Refusal('LIMIT', 'too many flags were made and removed within a day');
  for (const flag of old) await forgetStored(ctx, flag);
}

function principalOf({ request }: Context): string {
  return request?.principal?.id ?? 'host';
}
