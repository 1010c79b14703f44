import { expect, it } from 'vitest';
import { sideBySide } from '../../../kernel/lifecycle/side-by-side.ts';

/** Work that ends when it is told to, and what was begun and ended so far. */
function workshop() {
  const log: string[] = [];
  const open = new Map<string, PromiseWithResolvers<void>>();
  return {
    log,
    work: async (id: string) => {
      log.push(`+${id}`);
      const gate = Promise.withResolvers<void>();
      open.set(id, gate);
      await gate.promise;
      log.push(`-${id}`);
    },
    async end(id: string, failure?: Error) {
      if (failure === undefined) open.get(id)?.resolve();
      else open.get(id)?.reject(failure);
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}
const begun = () => new Promise((resolve) => setImmediate(resolve));

it('does as many at once as it may, each after what it comes after', async () => {
  const { log, work, end } = workshop();
  const after: Record<string, string[]> = { c: ['a'], d: ['c', 'gone'] };
  const all = sideBySide(['a', 'b', 'c', 'd', 'e'], (id) => after[id] ?? [], work, 2);
  await begun();
  expect(log.splice(0)).toEqual(['+a', '+b']);
  await end('b');
  expect(log.splice(0)).toEqual(['-b', '+e']); // c waits for a, and takes no place meanwhile
  await end('a');
  expect(log.splice(0)).toEqual(['-a', '+c']);
  await end('e');
  expect(log.splice(0)).toEqual(['-e']);
  await end('c');
  expect(log.splice(0)).toEqual(['-c', '+d']);
  await end('d');
  await all;
});

it('waits for nothing that waits for it', async () => {
  const { work, end } = workshop();
  const circle: Record<string, string[]> = { a: ['b'], b: ['a'] };
  const all = sideBySide(['a', 'b'], (id) => circle[id] ?? [], work, 1);
  await begun();
  await end('a');
  await end('b');
  await all;
});

it('begins nothing after a failure, and ends when what was begun has ended', async () => {
  const { log, work, end } = workshop();
  const all = sideBySide(['a', 'b', 'c'], () => [], work, 2);
  const ended = all.then(
    () => 'done',
    (failure: Error) => failure.message,
  );
  await begun();
  await end('a', new Error('away'));
  expect(await Promise.race([ended, begun()])).toBeUndefined();
  await end('b');
  expect(await ended).toBe('away');
  expect(log).toEqual(['+a', '+b', '-b']);
});
