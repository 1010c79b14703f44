import type { Context } from '#sdk';
import { isScoped, nameOf, OF_TENANT, type Place, tenantOf } from './places.ts';
import { type Contents, readPlace, type StoredFlag } from './storage.ts';

/** How long what was read is believed. It counts from when the reading began. */
const FRESH_MS = 500;
/** Of all tenants together, in characters of definitions; those read longest ago go first. */
const MAX_CHARS = 16_000_000;
const MAX_PLACES = 5_000;

/** What a place holds, by key. */
export interface Snapshot {
  readonly flags: ReadonlyMap<string, StoredFlag>;
  readonly scopes: ReadonlySet<string>;
  readonly chars: number;
}

interface Read {
  readonly at: number;
  readonly snapshot: Promise<Snapshot>;
  chars: number;
}

/**
 * Flags as they were at most half a second ago, so that evaluations do not ask the store for each flag. No event is
 * waited for: one reaches one host, and this holds on every one. Who wrote here sees it at once.
 */
export class FlagCache {
  readonly #read = new Map<string, Read>();
  readonly #now: () => number;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Flags of these places, in their order. Surfaces and apps that have none are not asked for. */
  async read(ctx: Context, places: readonly Place[]): Promise<Snapshot[]> {
    const ofTenant = await this.#at(ctx, OF_TENANT);
    const isThere = (place: Place) => !isScoped(place) || ofTenant.scopes.has(nameOf(place));
    return Promise.all(
      places.filter(isThere).map((place) => (isScoped(place) ? this.#at(ctx, place) : ofTenant)),
    );
  }

  forget(ctx: Context, place: Place): void {
    this.#read.delete(named(ctx, place));
  }

  async #at(ctx: Context, place: Place): Promise<Snapshot> {
    const known = this.#read.get(named(ctx, place));
    if (known !== undefined && this.#now() - known.at < FRESH_MS) {
      // The request that began to read may be gone: then this one does it.
      const snapshot = await known.snapshot.catch(() => null);
      if (snapshot !== null) return snapshot;
    }
    return this.#load(ctx, place);
  }

  #load(ctx: Context, place: Place): Promise<Snapshot> {
    const name = named(ctx, place);
    const snapshot = readPlace(ctx, place).then(snapshotOf);
    const read: Read = { at: this.#now(), snapshot, chars: 0 };
    this.#read.delete(name);
    this.#read.set(name, read);
    snapshot.then(
      ({ chars }) => {
        read.chars = chars;
        this.#shrink();
      },
      () => {
        if (this.#read.get(name) === read) this.#read.delete(name);
      },
    );
    return snapshot;
  }

  #shrink(): void {
    let chars = 0;
    for (const read of this.#read.values()) chars += read.chars;
    for (const [name, read] of this.#read) {
      if (chars <= MAX_CHARS && this.#read.size <= MAX_PLACES) return;
      this.#read.delete(name);
      chars -= read.chars;
    }
  }
}

function snapshotOf({ flags, scopes, chars }: Contents): Snapshot {
  return { flags: new Map(flags.map((flag) => [flag.key, flag])), scopes, chars };
}

function named(ctx: Context, place: Place): string {
  return `${tenantOf(ctx)} ${nameOf(place)}`;
}
