import { performance } from 'node:perf_hooks';
import type { StateSpace } from '../../kernel/ports.ts';
import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import { type ConnectionParts, isMissingScript, RedisConnection } from './redis-connection.ts';
import { RedisKeys } from './redis-keys.ts';
import { APPEND, DELETE, LIST, PUT, READ, REMOVE_STREAM, type Script } from './redis-scripts.ts';
import type { StateQuota, Written } from './state-content.ts';
import type { Appended, StoreDriver, StoredText, StorePage, StoreReport } from './store-driver.ts';
import type { StoreRecord } from './store-record.ts';

/** For what operators ask for, which walks over all keys. */
const WALK_MS = 30_000;
const SCAN_COUNT = '1000';

/** A Redis server as a store: what changes more than one key is a script, and so atomic. */
export function createRedisStore(
  record: StoreRecord,
  quota: StateQuota,
  parts: ConnectionParts,
): StoreDriver {
  const connection = new RedisConnection(record, parts);
  const keys = new RedisKeys(record.prefix);
  const limits = [String(quota.maxKeys), String(quota.maxBytes)];

  async function run<Reply>(
    script: Script,
    names: readonly string[],
    values: readonly (string | Buffer)[],
    signal: AbortSignal,
  ): Promise<Reply> {
    const rest = [String(names.length), ...names, ...values];
    try {
      return await connection.send<Reply>(['EVALSHA', script.sha1, ...rest], signal);
    } catch (failure) {
      if (!isMissingScript(failure)) throw failure;
      return connection.send<Reply>(['EVAL', script.text, ...rest], signal);
    }
  }

  async function* walk(pattern: string, signal: AbortSignal): AsyncGenerator<readonly string[]> {
    let cursor = '0';
    do {
      const command = ['SCAN', cursor, 'MATCH', pattern, 'COUNT', SCAN_COUNT];
      const [next, found] = await connection.send<[string, string[]]>(command, signal);
      if (found.length > 0) yield found;
      cursor = String(next);
    } while (cursor !== '0');
  }

  return {
    async get(space, key, signal) {
      const [, , values] = keys.entries(space);
      const value = await connection.send<string | null>(['HGET', values, key], signal);
      return value === null ? null : entryOf(key, value);
    },

    async put(space, key, { text }, { expected, version }, signal) {
      const wanted = [expected, version].map((number) => (number === null ? '' : String(number)));
      const values = [key, text, ...wanted, ...limits];
      const [outcome, current] = await run<[string, number]>(PUT, keys.entries(space), values, signal);
      return { outcome: outcome as Written['outcome'], current };
    },

    async delete(space, key, signal) {
      return (await run<number>(DELETE, keys.entries(space), [key], signal)) === 1;
    },

    async list(space, page, signal) {
      const [, names, entries] = keys.entries(space);
      const values = [...boundsOf(page), String(page.limit), String(page.maxBytes)];
      const [fits, ...pairs] = await run<[number, ...string[]]>(LIST, [names, entries], values, signal);
      return fits === 1 ? pairsIn(pairs, entryOf) : null;
    },

    async append(space, stream, { text }, { id, keep }, signal) {
      const names = [keys.usage(space), keys.streams(space), keys.stream(space, stream)];
      const values = [stream, text, id === null ? '' : String(id), String(keep), ...limits];
      const [outcome, last] = await run<[string, number]>(APPEND, names, values, signal);
      return { outcome: outcome as Appended['outcome'], id: last };
    },

    async read(space, stream, { after, limit, maxBytes }, signal) {
      const values = [after, limit, maxBytes].map(String);
      const pairs = await run<string[]>(READ, [keys.stream(space, stream)], values, signal);
      return pairsIn(pairs, (id, text) => ({ id: Number(id), text }));
    },

    async streams(space, page, signal) {
      const command = [
        'ZRANGEBYLEX',
        keys.streams(space),
        ...boundsOf(page),
        'LIMIT',
        '0',
        String(page.limit),
      ];
      const names = await connection.send<string[]>(command, signal);
      return Promise.all(names.map((name) => shapeOf(space, name, signal)));
    },

    async removeStream(space, stream, signal) {
      const names = [keys.usage(space), keys.streams(space), keys.stream(space, stream)];
      return (await run<number>(REMOVE_STREAM, names, [stream], signal)) === 1;
    },

    async clear(extension) {
      const signal = AbortSignal.timeout(WALK_MS);
      for await (const found of walk(keys.allOf(extension), signal))
        await connection.send(['UNLINK', ...found], signal);
    },

    async holders() {
      const signal = AbortSignal.timeout(WALK_MS);
      const holders: ExtensionId[] = [];
      for await (const found of walk(keys.usages, signal)) {
        for (const key of found) {
          const holder = keys.holderOf(key);
          if (holder === null) continue;
          const count = await connection.send<string | null>(['HGET', key, 'keys'], signal);
          if (Number(count) > 0) holders.push(holder);
        }
      }
      return [...new Set(holders)].sort();
    },

    async check() {
      const signal = AbortSignal.timeout(WALK_MS);
      await connection.send(['PING'], signal);
      const began = performance.now();
      await connection.send(['PING'], signal);
      const latencyMs = Math.round((performance.now() - began) * 10) / 10;
      return reportOf(latencyMs, await connection.send<string>(['INFO'], signal));
    },

    close: () => connection.close(),
  };

  async function shapeOf(space: StateSpace, stream: string, signal: AbortSignal) {
    const key = keys.stream(space, stream);
    type Entries = [id: string, fields: string[]][];
    const [first, last, length] = await Promise.all([
      connection.send<Entries>(['XRANGE', key, '-', '+', 'COUNT', '1'], signal),
      connection.send<Entries>(['XREVRANGE', key, '+', '-', 'COUNT', '1'], signal),
      connection.send<number>(['XLEN', key], signal),
    ]);
    return { stream, first: idIn(first), last: idIn(last), length };
  }
}

function entryOf(key: string, value: string): StoredText {
  const colon = value.indexOf(':');
  return { key, version: Number(value.slice(0, colon)), text: value.slice(colon + 1) };
}

function pairsIn<Item>(pairs: readonly string[], item: (left: string, right: string) => Item): Item[] {
  return Array.from({ length: pairs.length / 2 }, (_, i) => item(pairs[2 * i] ?? '', pairs[2 * i + 1] ?? ''));
}

function idIn(entries: readonly (readonly [string, unknown])[]): number {
  return Number(entries[0]?.[0].split('-')[0] ?? 0);
}

/** For ZRANGEBYLEX, which compares bytes. No text in UTF-8 has the byte 255. */
function boundsOf({ prefix, after }: StorePage): [from: Buffer, to: Buffer] {
  const [low, above] = [Buffer.from(prefix), Buffer.from(after)];
  const from = Buffer.compare(above, low) >= 0 && after !== '' ? `(${after}` : `[${prefix}`;
  const to =
    prefix === '' ? Buffer.from('+') : Buffer.concat([Buffer.from(`(${prefix}`), Buffer.from([255])]);
  return [Buffer.from(from === '[' ? '-' : from), to];
}

function reportOf(latencyMs: number, info: string): StoreReport {
  const facts = new Map(info.split('\r\n').map((line) => line.split(':', 2) as [string, string]));
  const warnings: string[] = [];
  if (facts.get('aof_enabled') === '0')
    warnings.push('it keeps no append-only file: writes of the last minutes are lost when it crashes');
  const policy = facts.get('maxmemory_policy') ?? 'noeviction';
  if (facts.get('maxmemory') !== '0' && policy !== 'noeviction')
    warnings.push(`it throws data away when its memory is full (maxmemory-policy ${policy})`);
  if (facts.get('role') === 'slave') warnings.push('it is a replica, which takes no writes');
  return { latencyMs, server: `Redis ${facts.get('redis_version') ?? 'of an unknown version'}`, warnings };
}
