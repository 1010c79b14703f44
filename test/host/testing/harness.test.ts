import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import { startTestHost, type TestHost } from '#sdk/harness';
import { ROOT_DIR } from '../../../host/paths.ts';
import { type Folder, temporaryFolder } from '../cli/mag-process.ts';
import { writeFiles } from '../packaging/fixtures/temporary-folder.ts';

const CODE = `export default {
  endpoints: {
    'GET /config': async (_request, ctx) => ({ body: ctx.config }),
    'v2 POST /echo': async ({ body, headers }) => ({ status: 201, body: { body, type: headers['content-type'] } }),
    'GET /secret': async (_request, ctx) => ({ body: await ctx.secrets.get('API_KEY') }),
    'GET /signed': async (_request, ctx) => ({ body: { keyId: (await ctx.keys.sign('receipts', 'x')).keyId } }),
    'GET /double/:n': async ({ params }, ctx) => ({ body: { doubled: await ctx.extensions.call('acme/maths', 'double', Number(params.n)) } }),
  },
  events: { 'acme.maths.done': (event, ctx) => ctx.log.info('told', { data: event.data }) },
};
`;
const MATHS = 'export default { exports: { double: (n) => n * 2 } };\n';

function manifestOf(id: string, members: object): string {
  return JSON.stringify({
    manifestVersion: 1,
    kind: 'extension',
    id,
    version: '1.2.3',
    displayName: id,
    description: 'Of a test.',
    license: 'MIT',
    engines: { magflock: '^1.0.0' },
    entry: 'dist/index.js',
    ...members,
  });
}

const because = (...names: string[]) => names.map((name) => ({ name, reason: 'Of a test.' }));

let folder: Folder;
let probe: string;
let maths: string;

beforeAll(async () => {
  vi.stubEnv('MAG_HOME', ROOT_DIR);
  vi.stubEnv('MAG_TEST_DATABASE', inject('postgres').url);
  folder = await temporaryFolder();
  await chmod(folder.path, 0o711);
  await mkdir(join(folder.path, 'tmp'));
  vi.stubEnv('TMPDIR', join(folder.path, 'tmp'));
  [probe, maths] = [join(folder.path, 'probe'), join(folder.path, 'maths')];
  await writeFiles(probe, {
    'manifest.json': manifestOf('acme/probe', {
      dependencies: { 'acme/maths': '^1.0.0' },
      capabilities: because(
        'api.register_endpoint',
        'system.secrets',
        'system.keys',
        'realtime.subscribe_events',
      ),
      secrets: [{ name: 'API_KEY', reason: 'Of a test.' }],
      config: { type: 'object', properties: { size: { type: 'integer' } }, additionalProperties: false },
      contributes: {
        endpoints: [
          { method: 'GET', path: '/config' },
          { method: 'POST', path: '/echo', version: 2 },
          { method: 'GET', path: '/secret' },
          { method: 'GET', path: '/signed' },
          { method: 'GET', path: '/double/:n' },
        ],
        events: { subscribes: ['acme.maths.done'] },
      },
    }),
    'dist/index.js': CODE,
  });
  await writeFiles(maths, {
    'manifest.json': manifestOf('acme/maths', {
      capabilities: because('api.emit_events'),
      contributes: {
        exports: [{ name: 'double' }],
        events: { publishes: [{ type: 'acme.maths.done', schema: 'schemas/done.json' }] },
      },
    }),
    'schemas/done.json': '{ "type": "object" }',
    'dist/index.js': MATHS,
  });
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await folder[Symbol.asyncDispose]();
});

const leftovers = () => readdir(join(folder.path, 'tmp'));

describe('a test host', () => {
  let host: TestHost;
  beforeAll(async () => {
    host = await startTestHost({
      dir: probe,
      dependencies: [maths],
      config: { size: 3 },
      secrets: { API_KEY: 'hunter2' },
      keys: ['receipts'],
    });
  });
  afterAll(async () => {
    await host?.close();
    expect(await leftovers()).toEqual([]);
  });

  it('runs the extension with the configuration, secrets, keys and dependencies it is given', async () => {
    expect([host.id, host.version]).toEqual(['acme/probe', '1.2.3']);
    expect((await host.call('GET /config')).body).toEqual({ size: 3 });
    expect((await host.call('GET /secret')).body).toBe('hunter2');
    expect((await host.call('GET /signed')).body.keyId).toMatch(/^\S{43}$/);
    expect((await host.call('GET /double/21')).body).toEqual({ doubled: 42 });
  });

  it('calls versions, and sends text as text and the rest as JSON', async () => {
    const sent = async (body: unknown) => (await host.call('v2 POST /echo', { body })).body;
    expect(await sent({ a: 1 })).toEqual({ body: { a: 1 }, type: 'application/json' });
    expect(await sent('words')).toMatchObject({ body: 'words', type: expect.stringContaining('text/plain') });
    expect((await host.call('GET /config', { token: null })).status).toBe(401);
    expect(() => host.call('config')).toThrow(TypeError);
  });

  it('publishes events, and knows what was logged', async () => {
    await expect(host.publish('acme.maths.done', 'no object')).rejects.toMatchObject({
      code: 'E_EVENT_SCHEMA',
    });
    await host.publish('acme.maths.done', { of: 'a test' });
    const told = { level: 'info', message: 'told', fields: { data: { of: 'a test' } } };
    await expect.poll(() => host.logs(), { timeout: 30_000 }).toContainEqual(expect.objectContaining(told));
    expect((await host.events('acme.maths.done')).map(({ data }) => data)).toEqual([{ of: 'a test' }]);
  });

  it('takes capabilities away and gives them back', async () => {
    await host.revoke('system.secrets');
    expect(await host.call('GET /secret')).toMatchObject({ status: 403, body: { code: 'E_CAP_REVOKED' } });
    await host.grant('system.secrets');
    expect((await host.call('GET /secret')).status).toBe(200);
    await expect(host.grant('database.read')).rejects.toMatchObject({ code: expect.stringMatching(/^E_/) });
    expect((await host.request('GET /v1/audit')).status).toBe(200);
  });
});

describe('startTestHost', () => {
  it('throws with the code of what failed, and leaves nothing', async () => {
    const broken = join(folder.path, 'broken');
    await writeFiles(broken, { 'manifest.json': manifestOf('acme/broken', {}), 'dist/index.js': 'throw 1' });
    await expect(startTestHost({ dir: broken })).rejects.toMatchObject({ code: 'E_EXTENSION' });
    await writeFile(join(broken, 'manifest.json'), '{}');
    await expect(startTestHost({ dir: broken })).rejects.toMatchObject({ code: 'E_MANIFEST_INVALID' });
    await expect(startTestHost({ dir: join(folder.path, 'nowhere') })).rejects.toMatchObject({
      code: 'E_BAD_REQUEST',
    });
    expect(await leftovers()).toEqual([]);
  });

  it('ends the host when the process that started it is killed', async () => {
    const harness = JSON.stringify(join(ROOT_DIR, 'host/testing/harness.ts'));
    const code = `const { startTestHost } = await import(${harness});
const { url } = await startTestHost({ dir: ${JSON.stringify(maths)} });
process.stdout.write(url);`;
    const tests = spawn(process.execPath, ['--input-type=module', '-e', code], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [url] = await once(tests.stdout, 'data');
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    tests.kill('SIGKILL');
    await expect.poll(leftovers, { timeout: 90_000 }).toEqual([]);
    await expect(fetch(`${url}/healthz`)).rejects.toThrow();
  });
});
