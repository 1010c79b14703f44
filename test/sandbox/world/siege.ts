import { readdirSync } from 'node:fs';
import { afterAll, it } from 'vitest';
import { World } from './world.ts';

/** One attack: runs it on a world, and fails unless the world is as it was before. */
export interface Assault {
  readonly name: string;
  run(world: World): Promise<void>;
}

/** The first one sets up the world, and some go on until a limit of time ends them. */
const TIMEOUT_MS = 180_000;

/**
 * The attacks of a folder, one after the other on the same host: what one of them leaves behind is there when
 * the next one begins. Each file of the folder has its assault as the default export.
 */
export async function besiege(family: string): Promise<void> {
  const folder = new URL(`../${family}/`, import.meta.url);
  const files = readdirSync(folder).sort();
  const assaults = await Promise.all(
    files.map(async (file): Promise<Assault> => (await import(new URL(file, folder).href)).default),
  );
  let standing: World | null = null;

  for (const { name, run } of assaults)
    it(`${family}: ${name}`, { timeout: TIMEOUT_MS }, async ({ onTestFailed }) => {
      const world = standing ?? (await World.open());
      standing = null;
      // What it did not stand must not fail the attacks behind it: they get another one.
      onTestFailed(() => world[Symbol.asyncDispose]());
      await run(world);
      world.nextAttacker();
      standing = world;
    });

  afterAll(() => standing?.end());
}
