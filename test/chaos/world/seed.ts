/** The seed of this run, printed. `MAG_CHAOS_SEED` tries another. */
const SEED = Number(process.env.MAG_CHAOS_SEED ?? 1);

/** Numbers from 0 up to 1 that the seed and the name decide (mulberry32). */
export function random(name: string): () => number {
  process.stdout.write(`chaos: ${name}, MAG_CHAOS_SEED=${SEED}\n`);
  let state = SEED;
  for (const char of name) state = Math.imul(state ^ char.charCodeAt(0), 0x9e3779b1);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
