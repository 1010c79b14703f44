import { appendFile, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, it } from 'vitest';
import { SourceWatch } from '../../../../host/cli/dev/watch-sources.ts';
import { type Folder, temporaryFolder } from '../mag-process.ts';

let folder: Folder;
let watched: SourceWatch;
let changes: AsyncGenerator<number>;
let next: Promise<unknown>;

beforeEach(async () => {
  folder = await temporaryFolder();
  await put('src/index.ts');
  await put('src/deep/er/one.ts');
  watched = await SourceWatch.open(folder.path);
  changes = watched.changes(new AbortController().signal);
  next = changes.next();
});
afterEach(async () => {
  watched[Symbol.dispose]();
  await folder[Symbol.asyncDispose]();
});

const at = (name: string) => join(folder.path, name);
async function put(name: string): Promise<void> {
  await mkdir(dirname(at(name)), { recursive: true });
  await writeFile(at(name), 'x');
}
/** As editors do that write a new file, and git. */
async function replace(name: string): Promise<void> {
  await writeFile(at('new'), 'y');
  await rename(at('new'), at(name));
}
/** Resolves when a change was seen, and nothing of it is to come any more. */
async function seen(): Promise<void> {
  await next;
  for (let isOver = false; !isOver; ) {
    next = changes.next();
    isOver = await Promise.race([next.then(() => false), pause(200, true)]);
  }
}

it.each(['src/index.ts', 'src/deep/er/one.ts'])(
  'sees %s written again after it was replaced',
  async (name) => {
    await replace(name);
    await seen();
    for (let time = 0; time < 3; time += 1) {
      await appendFile(at(name), 'z');
      await seen();
    }
  },
);

it('sees what is in a folder that was made, or replaced, later', async () => {
  await put('src/new/below/two.ts');
  await seen();
  await appendFile(at('src/new/below/two.ts'), 'z');
  await seen();
  await rm(at('src'), { recursive: true });
  await seen();
  await put('src/index.ts');
  await seen();
  await appendFile(at('src/index.ts'), 'z');
  await seen();
});
