import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { packExtension, scaffoldExtension } from '../../../host/packaging/index.ts';
import { readArchive } from '../../../kernel/trust/archive.ts';
import { readContents } from '../../../kernel/trust/contents.ts';
import type { Context, EndpointRequest, ExtensionDefinition } from '../../../manifests/sdk/index.ts';
import { temporaryFolders, writeFiles } from './fixtures/temporary-folder.ts';

const newFolder = temporaryFolders();
const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');

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

const request: EndpointRequest = { method: 'GET', path: '/', params: {}, query: {}, headers: {}, body: null };

/** What the templates use of a context, with what they did to it. */
function recordingContext() {
  const state = new Map<string, { value: number; version: number }>();
  const published: unknown[] = [];
  const ctx = {
    signal: { throwIfAborted() {} },
    log: { info: (...line: unknown[]) => published.push(line) },
    db: { queryOne: async () => ({ now: 'then' }) },
    events: { publish: async (...event: unknown[]) => published.push(event) },
    state: {
      getVersioned: async (key: string) => state.get(key) ?? { value: null, version: 0 },
      compareAndSet: async (key: string, value: number, version: number) => {
        const swapped = (state.get(key)?.version ?? 0) === version;
        if (swapped) state.set(key, { value, version: version + 1 });
        return { swapped, version };
      },
    },
  };
  return { ctx: ctx as unknown as Context, published };
}

describe('scaffoldExtension', () => {
  it.each(['endpoint', 'hook', 'event'])('makes a %s that compiles and packs', async (template) => {
    const { dir, contents, definition } = await scaffold(template, 'acme-2/my-hello');
    const { endpoints, hooks, events } = contents.manifest.contributes;
    const served = endpoints.map(({ method, path }) => `${method} ${path}`);
    expect(Object.keys(definition.endpoints ?? {})).toEqual(served);
    expect(Object.keys(definition.hooks ?? {})).toEqual(hooks.map(({ hook }) => hook));
    expect(Object.keys(definition.events ?? {})).toEqual(events.subscribes);
    expect(await promisify(execFile)(process.execPath, [tsc, '-p', dir])).toMatchObject({ stdout: '' });
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

  it('greets, counts, and publishes what its schema allows', async () => {
    const { contents, definition } = await scaffold();
    const { ctx, published } = recordingContext();
    const greet = definition.endpoints?.['GET /greet/:name'];
    const call = () => greet?.({ ...request, params: { name: 'Ada' } }, ctx);
    const answers = await Promise.all([call(), call(), call()]);
    const bodies = answers.map((answer) => answer?.body);
    expect(bodies).toEqual([1, 2, 3].map((greetings) => ({ hello: 'Ada', greetings })));
    expect(published).toContainEqual(['acme.hello.greeted', { name: 'Ada', greetings: 3 }]);
    const schema = contents.eventSchemas.get('acme.hello.greeted') ?? false;
    expect(new Ajv2020().validate(schema, { name: 'Ada', greetings: 3 })).toBe(true);
    expect(await definition.endpoints?.['GET /now']?.(request, ctx)).toMatchObject({ body: { now: 'then' } });
    expect(await definition.health?.(ctx)).toEqual({ healthy: true });
  });

  it('gives the hook one a header to add, and keeps the rest of the request', async () => {
    const { definition } = await scaffold('hook');
    const { ctx } = recordingContext();
    const before = { method: 'GET', path: '/x', query: { a: '1' }, headers: { accept: '*/*' } };
    const after = await definition.hooks?.['maggate.wrap_request']?.(before, ctx);
    expect(after).toEqual({ ...before, headers: { accept: '*/*', 'x-acme-hello': '1' } });
  });

  it.each(['job', 'command', 'channel', 'panel'])('says that %s is not offered', async (template) => {
    const dir = join(await newFolder(), 'extension');
    const making = scaffoldExtension({ id: 'acme/hello', dir, template });
    await expect(making).rejects.toMatchObject({ code: 'E_UNSUPPORTED' });
    await expect(readdir(dir)).rejects.toMatchObject({ code: 'ENOENT' });
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
