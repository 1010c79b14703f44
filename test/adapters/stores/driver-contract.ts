import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest';
import type { StoreDriver } from '../../../adapters/stores/index.ts';
import { encodeState, type StateQuota } from '../../../adapters/stores/state-content.ts';
import type { StateSpace } from '../../../kernel/ports.ts';
import type { Json } from '../../../manifests/json.ts';

/** What the contract needs to know of a kind of store. */
export interface StoreUnderTest {
  readonly kind: string;
  /** `null`: there is none on this machine. Drivers with different quotas share what they store. */
  start(): Promise<{
    open(quota: StateQuota): StoreDriver;
    dispose(): Promise<void>;
  } | null>;
}

const LARGE: StateQuota = { maxKeys: 10_000, maxBytes: 64 * 1_024 * 1_024 };
const MAX_BYTES = 900_000;

/** What every kind of store does alike. */
export function describeStoreContract({ kind, start }: StoreUnderTest): void {
  describe(`the store contract: ${kind}`, () => {
    let started: Awaited<ReturnType<StoreUnderTest['start']>> = null;
    let driver: StoreDriver;
    const signal = new AbortController().signal;
    const space = (name: string, tenantId = 't_one'): StateSpace => ({ extension: `acme/${name}`, tenantId });
    const test = (name: string, run: () => Promise<void>) =>
      it(name, async (context: TestContext) => {
        if (started === null) return context.skip('there is no such store here');
        await run();
      });
    const put = (
      where: StateSpace,
      key: string,
      value: Json,
      when: { expected?: number; version?: number; on?: StoreDriver } = {},
    ) => {
      const { expected = null, version = null, on = driver } = when;
      return on.put(where, key, encodeState(key, value), { expected, version }, signal);
    };
    const get = async (where: StateSpace, key: string) => {
      const found = await driver.get(where, key, signal);
      return found === null ? null : { value: JSON.parse(found.text) as Json, version: found.version };
    };
    const keysOf = async (
      where: StateSpace,
      page: { prefix?: string; after?: string; limit?: number } = {},
    ) => {
      const whole = { prefix: '', after: '', limit: 100, maxBytes: MAX_BYTES, ...page };
      return (await driver.list(where, whole, signal))?.map(({ key }) => key) ?? 'too large';
    };
    const append = (
      where: StateSpace,
      stream: string,
      value: Json,
      { id = null, keep = 100, on = driver }: { id?: number | null; keep?: number; on?: StoreDriver } = {},
    ) => on.append(where, stream, encodeState(stream, value), { id, keep }, signal);
    const read = async (where: StateSpace, stream: string, after = 0, limit = 100, maxBytes = MAX_BYTES) =>
      (await driver.read(where, stream, { after, limit, maxBytes }, signal)).map(({ id, text }) => [
        id,
        JSON.parse(text) as Json,
      ]);

    beforeAll(async () => {
      started = await start();
      if (started !== null) driver = started.open(LARGE);
    });
    afterAll(async () => {
      await driver?.close();
      await started?.dispose();
    });

    test('counts versions from 1 and keeps values exactly', async () => {
      const value = { z: 1, a: ['\u0000', null, 1e-7, '𝕊', ':'], big: 12_345_678_901_234 };
      expect(await get(space('basic'), 'k')).toBeNull();
      expect(await put(space('basic'), 'k', 1)).toEqual({ outcome: 'written', current: 1 });
      expect(await put(space('basic'), 'k', value)).toEqual({ outcome: 'written', current: 2 });
      expect(await get(space('basic'), 'k')).toEqual({ value, version: 2 });
      expect(await put(space('basic'), 'k', null, { version: 70 })).toEqual({
        outcome: 'written',
        current: 70,
      });
      expect(await put(space('basic'), 'k', null)).toEqual({ outcome: 'written', current: 71 });
    });

    test('separates tenants and extensions, whatever the keys are', async () => {
      const hostile = [
        '}:t_two:values',
        '*',
        't_two:k',
        'a\r\nDEL x',
        '{acme/b}',
        '%',
        ' ',
        '../k',
        '\u2028',
      ];
      for (const key of [...hostile, 'k']) {
        await put(space('apart'), key, 'one');
        await append(space('apart'), key, 'one');
      }
      for (const other of [space('apart', 't_two'), space('apart2')]) {
        expect(await keysOf(other)).toEqual([]);
        expect(await driver.streams(other, { prefix: '', after: '', limit: 10 }, signal)).toEqual([]);
        for (const key of [...hostile, 'k']) {
          expect(await get(other, key)).toBeNull();
          expect(await read(other, key)).toEqual([]);
          expect(await driver.delete(other, key, signal)).toBe(false);
          expect(await driver.removeStream(other, key, signal)).toBe(false);
        }
      }
      expect(await keysOf(space('apart'))).toEqual([...hostile, 'k'].sort());
      expect(await driver.delete(space('apart'), 'k', signal)).toBe(true);
      expect(await driver.delete(space('apart'), 'k', signal)).toBe(false);
      expect(await read(space('apart'), 'k')).toEqual([[1, 'one']]);
    });

    test('lists by code point, below a prefix, page by page', async () => {
      for (const key of ['b%1', 'b_1', 'B', 'b𝕊', 'bé', 'b\uFFFD', 'b', 'c'])
        await put(space('list'), key, 0);
      expect(await keysOf(space('list'))).toEqual(['B', 'b', 'b%1', 'b_1', 'bé', 'b\uFFFD', 'b𝕊', 'c']);
      expect(await keysOf(space('list'), { prefix: 'b', limit: 3 })).toEqual(['b', 'b%1', 'b_1']);
      expect(await keysOf(space('list'), { prefix: 'b', after: 'b_1' })).toEqual(['bé', 'b\uFFFD', 'b𝕊']);
      expect(await keysOf(space('list'), { prefix: 'b', after: 'B' })).toHaveLength(6);
      expect(await keysOf(space('list'), { prefix: 'b', after: 'c' })).toEqual([]);
      expect(await keysOf(space('list'), { prefix: 'b%' })).toEqual(['b%1']);
    });

    test('says when a page is larger than one answer', async () => {
      for (const key of ['1', '2', '3']) await put(space('large'), key, 'x'.repeat(200_000));
      const page = { prefix: '', after: '', maxBytes: 500_000 };
      expect(await driver.list(space('large'), { ...page, limit: 3 }, signal)).toBeNull();
      expect(await driver.list(space('large'), { ...page, limit: 2 }, signal)).toHaveLength(2);
    });

    test('lets one of many swaps win, and gives every writer its own version', async () => {
      const swap = (expected: number) =>
        Promise.all(Array.from({ length: 20 }, (_, i) => put(space('cas'), 'k', i, { expected })));
      for (const expected of [0, 1]) {
        const done = await swap(expected);
        expect(done.filter(({ outcome }) => outcome === 'written')).toHaveLength(1);
        expect(done.every(({ current }) => current === expected + 1)).toBe(true);
      }
      const gone = await put(space('cas'), 'gone', 1, { expected: 1 });
      expect(gone).toEqual({ outcome: 'stale', current: 0 });
      const writes = await Promise.all(Array.from({ length: 20 }, (_, i) => put(space('race'), 'k', i)));
      expect(writes.map(({ current }) => current).sort((a, b) => a - b)).toEqual(
        Array.from({ length: 20 }, (_, i) => i + 1),
      );
    });

    test('appends in order, and reads on from any place', async () => {
      const ids = await Promise.all(Array.from({ length: 30 }, (_, i) => append(space('log'), 's', i)));
      expect(ids.map(({ id }) => id).sort((a, b) => a - b)).toEqual(
        Array.from({ length: 30 }, (_, i) => i + 1),
      );
      expect((await read(space('log'), 's')).map(([id]) => id)).toEqual(
        Array.from({ length: 30 }, (_, i) => i + 1),
      );
      expect((await read(space('log'), 's', 10, 3)).map(([id]) => id)).toEqual([11, 12, 13]);
      expect(await read(space('log'), 's', 30)).toEqual([]);
      expect(await read(space('log'), 'other')).toEqual([]);
    });

    test('takes ids of others, which only rise', async () => {
      expect(await append(space('ids'), 's', 'a', { id: 41 })).toEqual({ outcome: 'written', id: 41 });
      expect(await append(space('ids'), 's', 'b', { id: 41 })).toEqual({ outcome: 'behind', id: 41 });
      expect(await append(space('ids'), 's', 'c')).toEqual({ outcome: 'written', id: 42 });
      expect(await read(space('ids'), 's')).toEqual([
        [41, 'a'],
        [42, 'c'],
      ]);
    });

    test('keeps the newest entries of a stream, and shows which', async () => {
      for (let i = 1; i <= 25; i += 1) await append(space('cap'), 's', i, { keep: 5 });
      await append(space('cap'), 'other', 1);
      expect((await read(space('cap'), 's')).map(([id]) => id)).toEqual([21, 22, 23, 24, 25]);
      await append(space('cap'), 's', 26, { keep: 2 });
      const page = { prefix: '', after: '', limit: 10 };
      expect(await driver.streams(space('cap'), page, signal)).toEqual([
        { stream: 'other', first: 1, last: 1, length: 1 },
        { stream: 's', first: 25, last: 26, length: 2 },
      ]);
      expect(await driver.streams(space('cap'), { ...page, after: 'other' }, signal)).toHaveLength(1);
      expect(await driver.removeStream(space('cap'), 's', signal)).toBe(true);
      expect(await read(space('cap'), 's')).toEqual([]);
      expect(await append(space('cap'), 's', 1)).toEqual({ outcome: 'written', id: 1 });
    });

    test('reads as much of a stream as fits, and one entry in any case', async () => {
      for (let i = 0; i < 20; i += 1) await append(space('wide'), 's', 'x'.repeat(10_000));
      expect(await read(space('wide'), 's', 0, 100, 35_000)).toHaveLength(3);
      expect(await read(space('wide'), 's', 0, 100, 10)).toHaveLength(1);
      expect(await read(space('wide'), 's', 0, 18)).toHaveLength(18);
    });

    test('counts keys and streams of each tenant, and gives them back', async () => {
      const small = started?.open({ maxKeys: 2, maxBytes: 1_000 }) as StoreDriver;
      await put(space('count'), 'a', 1, { on: small });
      await append(space('count'), 's', 1, { on: small });
      expect(await put(space('count'), 'c', 1, { on: small })).toMatchObject({ outcome: 'quota' });
      expect(await append(space('count'), 'c', 1, { on: small })).toMatchObject({ outcome: 'quota' });
      expect(await put(space('count', 't_two'), 'c', 1, { on: small })).toMatchObject({ outcome: 'written' });
      expect(await put(space('count'), 'a', 2, { on: small })).toMatchObject({ outcome: 'written' });
      await driver.removeStream(space('count'), 's', signal);
      expect(await put(space('count'), 'c', 1, { on: small })).toMatchObject({ outcome: 'written' });
      await small.close();
    });

    test('counts bytes, races and trimming included, and lets an extension shrink', async () => {
      const small = started?.open({ maxKeys: 100, maxBytes: 105 }) as StoreDriver;
      const value = 'x'.repeat(17); // 20 bytes with its key and its quotes
      const writes = await Promise.all(
        Array.from({ length: 10 }, (_, i) => put(space('bytes'), `${i}`, value, { on: small })),
      );
      expect(writes.filter(({ outcome }) => outcome === 'written')).toHaveLength(5);
      const kept = String(writes.findIndex(({ outcome }) => outcome === 'written'));
      const tight = started?.open({ maxKeys: 100, maxBytes: 10 }) as StoreDriver;
      expect(await put(space('bytes'), kept, 'x', { on: tight })).toMatchObject({ outcome: 'written' });
      expect(await put(space('bytes'), kept, 'xx', { on: tight })).toMatchObject({ outcome: 'quota' });
      for (let i = 0; i < 20; i += 1)
        expect(await append(space('trim'), 's', value, { keep: 5, on: small })).toMatchObject({
          outcome: 'written',
        });
      expect(await append(space('trim'), 's', value, { keep: 6, on: small })).toMatchObject({
        outcome: 'quota',
      });
      await Promise.all([small.close(), tight.close()]);
    });

    test('knows who keeps something, and forgets an extension with all of it', async () => {
      await put(space('held'), 'k', 1);
      await append(space('held2', 't_two'), 's', 1);
      await put(space('held3'), 'k', 1);
      await driver.delete(space('held3'), 'k', signal);
      const holders = await driver.holders();
      expect(holders).toEqual(expect.arrayContaining(['acme/held', 'acme/held2']));
      expect(holders).not.toContain('acme/held3');
      await driver.clear('acme/held');
      await driver.clear('acme/held2');
      expect((await driver.holders()).filter((id) => id.startsWith('acme/held'))).toEqual([]);
      expect(await get(space('held'), 'k')).toBeNull();
      expect(await append(space('held2', 't_two'), 's', 1)).toEqual({ outcome: 'written', id: 1 });
    });

    test('tells how it does', async () => {
      expect(await driver.check()).toMatchObject({
        latencyMs: expect.any(Number),
        server: expect.any(String),
      });
    });
  });
}
