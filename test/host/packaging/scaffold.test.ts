import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { buildSdkPackage } from '../../../host/build/sdk-package.ts';
import { packExtension, scaffoldExtension } from '../../../host/packaging/index.ts';
import { TEMPLATES } from '../../../host/packaging/templates/template.ts';
import { readArchive } from '../../../kernel/trust/archive.ts';
import { readContents } from '../../../kernel/trust/contents.ts';
import type { ExtensionDefinition } from '../../../manifests/sdk/index.ts';
import { temporaryFolders, writeFiles } from './fixtures/temporary-folder.ts';

const newFolder = temporaryFolders();

async function scaffold(template?: string, id = 'acme/hello') {
  const dir = join(await newFolder(), 'extension');
  await scaffoldExtension({ id, dir, ...(template === undefined ? {} : { template }) });
  const { file } = await packExtension(dir);
  const contents = readContents(await readArchive(await readFile(file)));
  const module: { default: ExtensionDefinition } = await import(join(dir, 'dist/index.js'));
  return { dir, contents, definition: module.default };
}

function names(list: readonly { name: string }[]): string[] {
  return list.map(({ name }) => name);
}

describe('scaffoldExtension', () => {
  it.each(TEMPLATES)('makes a %s that has a handler for all it declares', async (template) => {
    const { contents, definition } = await scaffold(template, 'acme-2/my-hello');
    const { endpoints, hooks, events, jobs } = contents.manifest.contributes;
    const served = endpoints.map(({ method, path }) => `${method} ${path}`);
    expect(Object.keys(definition.endpoints ?? {})).toEqual(served);
    expect(Object.keys(definition.hooks ?? {})).toEqual(hooks.map(({ hook }) => hook));
    expect(Object.keys(definition.events ?? {})).toEqual(events.subscribes);
    expect(Object.keys(definition.jobs ?? {})).toEqual(jobs.map(({ name }) => name));
  });

  it('gives the default one exactly the capabilities it uses', async () => {
    const { contents } = await scaffold();
    const { capabilities, contributes } = contents.manifest;
    expect(names(capabilities)).toEqual(['api.register_endpoint', 'database.read', 'api.emit_events']);
    expect(contributes.events.publishes).toEqual([
      { type: 'acme.hello.greeted', schema: 'schemas/greeted.json' },
    ]);
    expect(contributes.endpoints.every(({ auth }) => auth === 'user')).toBe(true);
  });

  it('publishes what its schema allows', async () => {
    const { contents } = await scaffold();
    const schema = contents.eventSchemas.get('acme.hello.greeted') ?? false;
    expect(new Ajv2020().validate(schema, { name: 'Ada', greetings: 3 })).toBe(true);
    expect(new Ajv2020().validate(schema, { name: 'Ada', greetings: 0 })).toBe(false);
  });

  it('brings the SDK as npm would install it, and the package it would install it from', async () => {
    const { dir } = await scaffold();
    const { devDependencies } = JSON.parse(await readFile(join(dir, 'package.json'), 'utf8'));
    const [, tarball = ''] = /^file:(vendor\/.*)$/.exec(devDependencies['@magflock/sdk']) ?? [];
    const sdk = await buildSdkPackage();
    expect(await readFile(join(dir, tarball))).toEqual(await readFile(sdk.tarball));
    const installed = await readdir(join(dir, 'node_modules/@magflock/sdk'), { recursive: true });
    expect(installed.sort()).toEqual((await readdir(sdk.dir, { recursive: true })).sort());
  });

  it('refuses ids, templates and folders that it cannot use', async () => {
    const parent = await newFolder();
    await writeFiles(parent, { 'full/notes.txt': 'mine', file: 'x' });
    await mkdir(join(parent, 'empty'));
    const cases = [
      { id: 'hello', dir: join(parent, 'a') },
      { id: '../x/y', dir: join(parent, 'a') },
      { id: 'acme/hello', dir: join(parent, 'a'), template: 'constructor' },
      { id: 'acme/hello', dir: join(parent, 'full') },
      { id: 'acme/hello', dir: join(parent, 'file') },
    ];
    for (const each of cases) {
      await expect(scaffoldExtension(each)).rejects.toMatchObject({ code: 'E_BAD_REQUEST' });
    }
    expect((await readdir(parent)).sort()).toEqual(['empty', 'file', 'full']);
    const { files } = await scaffoldExtension({ id: 'acme/hello', dir: join(parent, 'empty') });
    expect(files).toContain('manifest.json');
    expect((await readdir(parent)).sort()).toEqual(['empty', 'file', 'full']);
  });
});
