import type { Json, Store } from '#sdk';
import { codeOf } from './failures.ts';

/** One side of a copy: a store, and what all keys and streams of the data begin with there. */
export interface Side {
  readonly store: Store;
  readonly prefix: string;
}

export interface Entry {
  readonly key: string;
  readonly value: Json;
  readonly version: number;
}

/** What is on one side: how many, and a digest of every key and entry with its value and number. */
export interface Summary {
  readonly keys: number;
  readonly entries: number;
  readonly digest: string;
}

const PAGE = 200;
const DIGESTED_AT_ONCE = 20;
/** Writes to a store at once. */
const PARALLEL = 8;

/** Called after each page, with what was written since the last time. */
export type Progress = (written: number) => Promise<void>;

/** Makes `to` what `from` is. Nobody else writes to `to`. @returns how much was written or removed */
export async function synchronise(from: Side, to: Side, progress: Progress): Promise<number> {
  return (await synchroniseKeys(from, to, progress)) + (await synchroniseStreams(from, to, progress));
}

async function synchroniseKeys(from: Side, to: Side, progress: Progress): Promise<number> {
  let changed = 0;
  const there = new Map<string, string>();
  for await (const page of pages(to)) {
    for (const entry of page) there.set(entry.key, markOf(entry));
    await progress(0);
  }
  for await (const page of pages(from)) {
    const differing = page.filter((entry) => there.get(entry.key) !== markOf(entry));
    await inParallel(differing, ({ key, value, version }) =>
      to.store.set(to.prefix + key, value, { version }),
    );
    for (const { key } of page) there.delete(key);
    changed += differing.length;
    await progress(differing.length);
  }
  const gone = [...there.keys()];
  await inParallel(gone, (key) => to.store.delete(to.prefix + key));
  return changed + gone.length;
}

async function synchroniseStreams(from: Side, to: Side, progress: Progress): Promise<number> {
  let changed = 0;
  const [wanted, there] = [await streamsOf(from), await streamsOf(to)];
  for (const name of there.keys()) if (!wanted.has(name)) await to.store.removeStream(to.prefix + name);
  for (const [name, { last, length }] of wanted) {
    let at = there.get(name)?.last ?? 0;
    while (at < last) {
      const entries = await from.store.read(from.prefix + name, { after: at, limit: PAGE });
      // What came behind `last` is for the next pass: with it, the oldest would go.
      const known = entries.filter(({ id }) => id <= last);
      for (const { id, value } of known)
        await to.store.append(to.prefix + name, value, { id, keep: Math.max(length, 1) });
      changed += known.length;
      await progress(known.length);
      if (known.length < entries.length || entries.length === 0) break;
      at = entries.at(-1)?.id ?? last;
    }
  }
  return changed;
}

export async function summarise(side: Side, progress: Progress): Promise<Summary> {
  let [keys, entries] = [0, 0];
  const digest = new Digest();
  for await (const page of pages(side)) {
    keys += page.length;
    for (const { key, value, version } of page) await digest.add([key, value, version]);
    await progress(0);
  }
  for (const [name, { length }] of await streamsOf(side)) {
    await digest.add([name, length]);
    for (let at = 0; ; ) {
      const read = await side.store.read(side.prefix + name, { after: at, limit: PAGE });
      if (read.length === 0) break;
      entries += read.length;
      for (const { id, value } of read) await digest.add([id, value]);
      at = read.at(-1)?.id ?? at;
      await progress(0);
    }
  }
  return { keys, entries, digest: await digest.end() };
}

/** Removes all of it. */
export async function wipe(side: Side): Promise<void> {
  for await (const page of pages(side))
    await inParallel(page, ({ key }) => side.store.delete(side.prefix + key));
  for (const name of (await streamsOf(side)).keys()) await side.store.removeStream(side.prefix + name);
}

/** All keys with their values, without the prefix, as many at a time as fit one answer. */
async function* pages({ store, prefix }: Side): AsyncGenerator<Entry[]> {
  let [after, limit] = ['', PAGE];
  for (;;) {
    const options = { prefix, limit, ...(after === '' ? {} : { after }) };
    const found = await store.list(options).catch((failure: unknown) => {
      if (codeOf(failure) !== 'E_LIMIT_OUTPUT' || limit === 1) throw failure;
      return null;
    });
    if (found === null) limit = Math.ceil(limit / 4);
    else if (found.length === 0) return;
    else {
      after = found.at(-1)?.key ?? after;
      yield found.map((entry) => ({ ...entry, key: entry.key.slice(prefix.length) }));
    }
  }
}

export async function streamsOf({
  store,
  prefix,
}: Side): Promise<Map<string, { last: number; length: number }>> {
  const streams = new Map<string, { last: number; length: number }>();
  for (let after = ''; ; ) {
    const found = await store.streams({ prefix, limit: PAGE, ...(after === '' ? {} : { after }) });
    for (const { stream, last, length } of found) streams.set(stream.slice(prefix.length), { last, length });
    if (found.length < PAGE) return streams;
    after = found.at(-1)?.stream ?? after;
  }
}

/** Tells entries apart without keeping their values. What it should ever take for the same, the digest does not. */
function markOf({ value, version }: Entry): string {
  let hash = 5_381;
  const text = JSON.stringify(value);
  for (let i = 0; i < text.length; i += 1) hash = (Math.imul(hash, 33) ^ text.charCodeAt(i)) >>> 0;
  return `${version} ${text.length} ${hash}`;
}

async function inParallel<Item>(
  items: readonly Item[],
  work: (item: Item) => Promise<unknown>,
): Promise<void> {
  for (let i = 0; i < items.length; i += PARALLEL) await Promise.all(items.slice(i, i + PARALLEL).map(work));
}

/** Of many things in their order, wherever pages end. */
class Digest {
  #before = '';
  #texts: string[] = [];

  async add(thing: Json): Promise<void> {
    this.#texts.push(JSON.stringify(thing));
    if (this.#texts.length === DIGESTED_AT_ONCE) await this.end();
  }

  async end(): Promise<string> {
    const bytes = new TextEncoder().encode([this.#before, ...this.#texts].join('\n'));
    const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
    this.#texts = [];
    this.#before = Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
    return this.#before;
  }
}
