import { describe, expect, it } from 'vitest';
import { createRecordingContext } from '#sdk/testing';
import { type Side, summarise, synchronise, wipe } from '../src/copy.ts';

const none = async () => {};
const sides = (): [from: Side, to: Side] => {
  const { stores } = createRecordingContext();
  return [
    { store: stores.use('old'), prefix: 'a/' },
    { store: stores.use('new'), prefix: 'b/' },
  ];
};
const isCopy = async (from: Side, to: Side) =>
  (await summarise(from, none)).digest === (await summarise(to, none)).digest;

describe('a copy', () => {
  it('has every key with its value and version, and nothing of others', async () => {
    const [from, to] = sides();
    for (let i = 0; i < 450; i += 1) await from.store.set(`a/k${i}`, { i });
    await from.store.set('a/k7', 'again');
    await from.store.set('other/k', 1);
    expect(await synchronise(from, to, none)).toBe(450);
    expect(await to.store.getVersioned('b/k7')).toEqual({ value: 'again', version: 2 });
    expect(await to.store.get('b/other/k')).toBeNull();
    expect(await isCopy(from, to)).toBe(true);
    expect(await summarise(to, none)).toMatchObject({ keys: 450, entries: 0 });
  });

  it('follows what changed, came and went, also where a version is the same again', async () => {
    const [from, to] = sides();
    for (const key of ['a/1', 'a/2', 'a/3']) await from.store.set(key, 'first');
    await synchronise(from, to, none);
    await from.store.delete('a/1');
    await from.store.set('a/1', 'other'); // version 1, as before
    await from.store.delete('a/2');
    await from.store.set('a/4', null);
    expect(await isCopy(from, to)).toBe(false);
    expect(await synchronise(from, to, none)).toBe(3);
    expect(await isCopy(from, to)).toBe(true);
    expect(await synchronise(from, to, none)).toBe(0);
  });

  it('has streams with their numbers, as far back as they go', async () => {
    const [from, to] = sides();
    for (let i = 0; i < 30; i += 1) await from.store.append('a/s', i, { keep: 10 });
    await synchronise(from, to, none);
    for (let i = 30; i < 45; i += 1) await from.store.append('a/s', i, { keep: 10 });
    await from.store.append('a/t', 'new');
    await synchronise(from, to, none);
    expect(await to.store.read('b/s')).toEqual(await from.store.read('a/s'));
    expect(await isCopy(from, to)).toBe(true);
    await from.store.removeStream('a/t');
    await synchronise(from, to, none);
    expect(await to.store.streams()).toMatchObject([{ stream: 'b/s' }]);
  });

  it('loses no entry of a stream that grows while it is read', async () => {
    const [from, to] = sides();
    for (let i = 0; i < 5; i += 1) await from.store.append('a/s', i);
    const read = from.store.read.bind(from.store);
    const growing = {
      ...from.store,
      read: async (...args: Parameters<typeof read>) => {
        await from.store.append('a/s', 'meanwhile');
        return read(...args);
      },
    };
    await synchronise({ ...from, store: growing }, to, none);
    await synchronise(from, to, none);
    expect(await isCopy(from, to)).toBe(true);
  });

  it('is removed whole, and nothing else', async () => {
    const [, to] = sides();
    await to.store.set('b/k', 1);
    await to.store.append('b/s', 1);
    await to.store.set('c/k', 1);
    await wipe(to);
    expect(await to.store.list()).toMatchObject([{ key: 'c/k' }]);
    expect(await to.store.streams()).toEqual([]);
  });
});
