import { availableParallelism } from 'node:os';

/**
 * Does the work for each of `ids`, side by side, each after those it comes after. What an id comes after stands before
 * it in `ids`, else it is not waited for.
 * @param after what an id comes after
 * @param atOnce how many at a time. Default: as many as there are processors
 * @throws what `work` threw first, when all that was begun has ended; nothing more is begun then
 */
export async function sideBySide<Id>(
  ids: readonly Id[],
  after: (id: Id) => readonly Id[],
  work: (id: Id) => Promise<void>,
  atOnce = availableParallelism(),
): Promise<void> {
  const done = new Map<Id, Promise<void>>();
  const free: (() => void)[] = [];
  let running = 0;
  let failure: { readonly cause: unknown } | null = null;

  async function run(id: Id): Promise<void> {
    await Promise.all(after(id).map((other) => done.get(other)));
    if (running >= atOnce) await new Promise<void>((resolve) => free.push(resolve));
    else running++;
    try {
      if (failure === null) await work(id);
    } catch (cause) {
      failure ??= { cause };
    } finally {
      const next = free.shift();
      if (next === undefined) running--;
      else next();
    }
  }

  for (const id of ids) done.set(id, run(id));
  await Promise.all(done.values());
  if (failure !== null) throw (failure as { readonly cause: unknown }).cause;
}
