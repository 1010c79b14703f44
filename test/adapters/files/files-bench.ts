import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createFilesAdapter, type FilesAdapter, Mounts } from '../../../adapters/files/index.ts';
import { codeOf } from '../../../kernel/errors.ts';
import type { Scope } from '../../../manifests/catalog/index.ts';
import type { Json } from '../../../manifests/json.ts';
import { silentLogger } from '../../support/silent-logger.ts';
import { createHostCallBench, type HostCallBench } from '../host-call-bench.ts';

export interface FilesBench extends AsyncDisposable, HostCallBench {
  readonly adapter: FilesAdapter;
  /** Of all extensions. */
  readonly rootDir: string;
  /** Of the extension whose calls these are. */
  readonly folder: string;
  /** What the mount `lent` is of; `archive` is the same for reading only. */
  readonly lent: string;
  write(path: string, content: string): Promise<void>;
  read(path: string): Promise<string>;
  names(path?: string): Promise<string[]>;
  /** The code a call fails with, `ok` if it does not. */
  outcome(name: string, params: Json): Promise<string | undefined>;
}

/** An extension with these capabilities, and the adapter on a temporary folder behind it. */
export async function createFilesBench(
  capabilities: readonly string[] = ['filesystem.read', 'filesystem.write'],
  scope?: Scope,
): Promise<FilesBench> {
  const home = await mkdtemp(join(tmpdir(), 'magflock-files-'));
  const rootDir = join(home, 'files');
  const lent = join(home, 'lent');
  await mkdir(lent);
  const mounts = await Mounts.open(
    new Map([
      ['lent', { path: lent, isReadOnly: false }],
      ['archive', { path: lent, isReadOnly: true }],
    ]),
  );
  const adapter = createFilesAdapter({ rootDir, mounts, logger: silentLogger });
  const bench = createHostCallBench(adapter, {
    id: 'acme/notes',
    capabilities: capabilities.map((name) => ({
      name,
      reason: 'r',
      ...(scope === undefined ? {} : { scope }),
    })),
  });
  return {
    ...bench,
    adapter,
    rootDir,
    folder: join(rootDir, 'acme', 'notes'),
    lent,
    write: async (path, content) => void (await bench.call('files.write', { path, content })),
    read: async (path) => (await bench.call('files.read', { path })).content,
    names: async (path = '') => {
      const { entries } = await bench.call('files.list', { path });
      return entries.map((entry: { name: string }) => entry.name);
    },
    outcome: (name, params) => bench.call(name, params).then(() => 'ok', codeOf),
    [Symbol.asyncDispose]: () => rm(home, { recursive: true, force: true }),
  };
}
