import { execFile } from 'node:child_process';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { buildSdkPackage } from '../../../host/build/sdk-package.ts';
import { runTool } from '../../support/project-tools.ts';
import { temporaryFolders, writeFiles } from '../packaging/fixtures/temporary-folder.ts';

const newFolder = temporaryFolders();
const run = promisify(execFile);

const TSCONFIG = {
  compilerOptions: {
    target: 'ES2023',
    lib: ['ES2023'],
    module: 'NodeNext',
    strict: true,
    exactOptionalPropertyTypes: true,
    // Not skipped: the declarations themselves must need nothing that is not in the package.
    skipLibCheck: false,
    types: [],
    noEmit: true,
    allowImportingTsExtensions: true,
  },
};

const EXTENSION = `import { defineExtension, ExtensionError } from '@magflock/sdk';

export default defineExtension({
  endpoints: {
    'GET /greet/:name': async (request, ctx) => {
      if (request.params.name === 'nobody') throw new ExtensionError('NOBODY', 'nobody is there');
      await ctx.state.set('last', request.params.name ?? '');
      return { status: 200, body: { hello: request.params.name ?? '' } };
    },
  },
});
`;

const USE = `import { startTestHost } from '@magflock/sdk/harness';
import { createRecordingContext, createRequest } from '@magflock/sdk/testing';
import extension from './extension.ts';

const ctx = createRecordingContext();
const answer = await extension.endpoints['GET /greet/:name'](createRequest({ params: { name: 'Ada' } }), ctx);
const refused = await startTestHost().then(() => 'started', (error: Error) => error.message);
export const said: string = JSON.stringify([answer, ctx.calls, refused]);
`;

it('installs from what npm packs, without a network, and is all that an extension needs', async () => {
  const { dir, name, version, tarball } = await buildSdkPackage();
  const project = await newFolder();
  const [npm] = JSON.parse(
    (await run('npm', ['pack', '--json', '--pack-destination', project], { cwd: dir })).stdout,
  );
  expect(npm).toMatchObject({ name, version });
  await writeFiles(project, {
    'package.json': JSON.stringify({ name: 'mine', private: true, type: 'module' }),
    'tsconfig.json': JSON.stringify(TSCONFIG),
    'extension.ts': EXTENSION,
    'use.ts': USE,
    'main.mjs': "const { said } = await import('./use.ts');\nprocess.stdout.write(said);\n",
  });
  await run('npm', ['install', '--offline', '--no-audit', '--no-fund', `./${npm.filename}`], {
    cwd: project,
  });
  expect(await readdir(join(project, 'node_modules'))).toEqual(['.package-lock.json', '@magflock']);
  expect(await runTool(project, 'tsc')).toBe('');
  const { stdout } = await run(process.execPath, ['main.mjs'], {
    cwd: project,
    env: { PATH: process.env.PATH },
  });
  expect(JSON.parse(stdout)).toEqual([
    { status: 200, body: { hello: 'Ada' } },
    [{ name: 'state.set', args: ['last', 'Ada'] }],
    expect.stringContaining('mag extension:test'),
  ]);

  // The one that new extensions bring along has the same content, and npm takes it too.
  const vendored = await newFolder();
  await writeFile(join(vendored, 'package.json'), '{"name":"other","private":true}');
  await run('npm', ['install', '--offline', '--no-audit', '--no-fund', tarball], { cwd: vendored });
  const files = async (root: string) =>
    (await readdir(join(root, 'node_modules/@magflock/sdk'), { recursive: true })).sort();
  expect(await files(vendored)).toEqual(await files(project));
});

it('has a licence, declarations for every entry, and no dependency', async () => {
  const { dir } = await buildSdkPackage();
  const manifest = JSON.parse(await readFile(join(dir, 'package.json'), 'utf8'));
  expect(manifest).toMatchObject({ license: 'MIT', type: 'module' });
  expect([manifest.dependencies, manifest.peerDependencies, manifest.scripts]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
  expect(Object.keys(manifest.exports)).toEqual(['.', './testing', './harness', './package.json']);
  for (const file of ['README.md', 'LICENSE']) expect(await readFile(join(dir, file), 'utf8')).not.toBe('');
  for (const entry of ['.', './testing', './harness'])
    for (const path of Object.values<string>(manifest.exports[entry]))
      expect(await readFile(join(dir, path), 'utf8')).not.toBe('');
});
