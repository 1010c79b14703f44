import { existsSync, readFileSync } from 'node:fs';

/** User and group ids, from `first` on. */
export interface IdRange {
  readonly first: number;
  readonly count: number;
}

/**
 * Where every id exists: above what accounts, `subuid` and systemd hand out, below what 32 bits with a sign
 * can hold.
 */
const WHOLE_MACHINE: IdRange = { first: 1_900_000_000, count: 60_000 };
/** In a container with ids of its own, the last ones of the largest stretch; the very last belong to `nobody`. */
const IN_CONTAINER = { count: 20_000, above: 1_000 };

/**
 * Ids nobody else on this machine uses, as far as one can tell.
 * @param maps the texts of `/proc/self/uid_map` and `gid_map`; lines of `inside outside count`
 * @returns `null` where there is only the account of the host
 */
export function freeIds(maps: readonly string[]): IdRange | null {
  if (maps.every((map) => contains(map, WHOLE_MACHINE))) return WHOLE_MACHINE;
  const largest = Math.min(...maps.map(endOfLargest));
  const first = largest - IN_CONTAINER.above - IN_CONTAINER.count;
  const range = { first, count: IN_CONTAINER.count };
  return first > 0 && maps.every((map) => contains(map, range)) ? range : null;
}

function stretches(map: string): { first: number; end: number }[] {
  return map
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
    .map(([first = 0, , count = 0]) => ({ first, end: first + count }));
}

function contains(map: string, { first, count }: IdRange): boolean {
  return stretches(map).some((one) => one.first <= first && first + count <= one.end);
}

function endOfLargest(map: string): number {
  const bySize = stretches(map).sort((a, b) => b.end - b.first - (a.end - a.first));
  return bySize[0]?.end ?? 0;
}

/** The ids this machine has for cells. `null`: the host may not change its own, or has no others. */
export function idsForCells(): IdRange | null {
  if (process.getuid?.() !== 0) return null;
  const maps = ['/proc/self/uid_map', '/proc/self/gid_map'];
  // No such files: a system without user namespaces, where every id is what it is.
  if (!maps.every((file) => existsSync(file))) return WHOLE_MACHINE;
  return freeIds(maps.map((file) => readFileSync(file, 'latin1')));
}

/** Hands out ids: another one each time, so that one cell cannot signal or trace another. */
export function createUidSource({ first, count }: IdRange): () => number {
  // A random start: two hosts on one machine rarely meet.
  let next = Math.floor(Math.random() * count);
  return () => first + (next++ % count);
}
