import { access, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LocalServer, startHttpServer } from '../../adapters/network/local-servers.ts';
import { Author } from '../../support/author.ts';
import { TestHost } from '../../support/host.ts';
import { serving } from '../../support/sources.ts';

/** What an extension does with a way out, and how it answers with the outcome. */
const answer = (body: string) => `async (request, ctx) => {
  try { return { body: await (${body})(ctx, request) }; } catch (error) { return { body: { code: error.code } }; }
}`;

describe('the ways out of the sandbox', () => {
  let host: TestHost;
  let author: Author;
  let server: LocalServer;
  beforeAll(async () => {
    [host, author, server] = await Promise.all([
      TestHost.start(),
      Author.create('acme'),
      startHttpServer((request, response) => {
        if (request.url === '/away') response.writeHead(302, { location: 'http://169.254.169.254/' }).end();
        else if (request.url === '/slow') return;
        else if (request.url === '/large') request.pipe(response);
        else
          response.writeHead(200, { 'content-type': 'text/plain' }).end(`${request.method} ${request.url} é`);
      }),
    ]);
    await host.trust(author);
  });
  afterAll(async () => {
    await host[Symbol.asyncDispose]();
    await author[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  const asker = (name: string, capabilities: object[]) =>
    author.publish({
      manifest: serving(name, ['GET /ctx', 'GET /global', 'GET /away', 'GET /outside', 'GET /slow'], {
        capabilities,
        limits: { wallMs: 20_000 },
      }),
      code: `const read = async (r) => [r.status, r.headers.get('content-type'), await r.text()];
        export default { endpoints: {
          'GET /ctx': ${answer(`async (ctx) => read(await ctx.http.fetch('${server.origin}/a'))`)},
          'GET /global': ${answer(`async () => read(await fetch('${server.origin}/b', { method: 'POST', body: 'x' }))`)},
          'GET /away': ${answer(`async () => read(await fetch('${server.origin}/away'))`)},
          'GET /outside': ${answer(`async () => read(await fetch('http://127.0.0.1:1/'))`)},
          'GET /slow': ${answer(`async () => read(await fetch('${server.origin}/slow'))`)},
        } };`,
    });
  const outbound = () => ({
    name: 'network.outbound',
    reason: 'Asks a server.',
    scope: { origins: [server.origin] },
  });
  const ask = async (path: string) => (await host.ask('GET', `/x/acme/${path}`)).body;

  it('lead over the network to what was granted', async () => {
    await host.run(await asker('asker', [outbound()]));
    expect(await ask('asker/ctx')).toEqual([200, 'text/plain', 'GET /a é']);
    expect(await ask('asker/global')).toEqual([200, 'text/plain', 'POST /b é']);
    expect(await ask('asker/away')).toEqual({ code: 'E_CAP_SCOPE' });
  });

  it('carry the largest bodies and files', async () => {
    const bytes = 'const bytes = Uint8Array.from({ length: 700_000 }, (_, i) => i * 7);';
    const same = 'back.length === bytes.length && back.every((byte, i) => byte === bytes[i])';
    const signed = await author.publish({
      manifest: serving('carrier', ['GET /network', 'GET /files'], {
        capabilities: [
          outbound(),
          { name: 'filesystem.read', reason: 'r' },
          { name: 'filesystem.write', reason: 'r' },
        ],
        limits: { cpuMs: 10_000, wallMs: 20_000, memoryMb: 128 },
      }),
      code: `${bytes} export default { endpoints: {
        'GET /network': ${answer(`async () => {
          const response = await fetch('${server.origin}/large', { method: 'POST', body: bytes });
          const back = new Uint8Array(await response.arrayBuffer());
          return ${same};
        }`)},
        'GET /files': ${answer(`async ({ files }) => {
          await files.write('large', bytes);
          const back = await files.readBytes('large');
          return ${same};
        }`)},
      } };`,
    });
    await host.run(signed);
    expect([await ask('carrier/network'), await ask('carrier/files')]).toEqual([true, true]);
  });

  it('close when the grant goes, for a request under way too', async () => {
    await host.run(await asker('moody', [outbound()]));
    const grant = '/v1/extensions/acme/moody/grants/network.outbound';
    const sockets = server.sockets.length;
    const waiting = ask('moody/slow');
    while (server.sockets.length === sockets) await new Promise((resolve) => setTimeout(resolve, 10));
    await host.ask('DELETE', grant);
    expect(await waiting).toEqual({ code: 'E_CAP_REVOKED' });
    expect(await ask('moody/ctx')).toEqual({ code: 'E_CAP_REVOKED' });
    await host.ask('PUT', grant, { body: { scope: { origins: [server.origin], methods: ['GET'] } } });
    expect(await ask('moody/ctx')).toEqual([200, 'text/plain', 'GET /a é']);
    expect(await ask('moody/global')).toEqual({ code: 'E_CAP_SCOPE' });
    const pattern = await host.ask('PUT', grant, { body: { scope: { origins: ['http://*'] } } });
    expect(pattern.body.code).toBe('E_APPROVAL');
  });

  it('are watched: who keeps leaving its scope is quarantined', async () => {
    await host.run(await asker('curious', [outbound()]));
    for (let i = 0; i < 5; i += 1)
      expect(await ask('curious/outside')).toMatchObject({ code: 'E_CAP_SCOPE' });
    expect((await host.show('acme/curious')).state).toBe('quarantined');
    const { records } = (await host.ask('GET', '/v1/audit?limit=50')).body;
    const denied = records.filter((record: { target: string }) => record.target === 'network.outbound');
    expect(denied.length).toBeGreaterThan(0);
  });

  it('end the extension that never declared them', async () => {
    await host.run(await asker('rogue', []));
    expect((await host.ask('GET', '/x/acme/rogue/global')).body.code).toBe('E_CAP_UNDECLARED');
    expect((await host.show('acme/rogue')).state).toBe('quarantined');
  });

  it('lead to files of its own, which go with it', async () => {
    const signed = await author.publish({
      manifest: serving('keeper', ['POST /keep', 'GET /kept', 'GET /escape'], {
        capabilities: ['filesystem.read', 'filesystem.write'].map((name) => ({
          name,
          reason: 'Keeps notes.',
        })),
      }),
      code: `export default {
        init: async (ctx) => { await ctx.files.write('temp/started', 'x'); },
        endpoints: {
          'POST /keep': ${answer(`async ({ files }) => {
            await files.write('notes/a.txt', 'Grüße 😀');
            await files.write('notes/b.bin', new Uint8Array([0, 128, 255]));
            const temp = await files.temp('.tmp');
            await files.write(temp, 'gone after a restart');
            return files.list('notes');
          }`)},
          'GET /kept': ${answer(`async ({ files }) => [
            await files.read('notes/a.txt'), [...await files.readBytes('notes/b.bin')],
            (await files.list('temp')).map(({ name }) => name),
          ]`)},
          'GET /escape': ${answer(`async ({ files }) => files.read('../../../admin.token')`)},
        } };`,
    });
    await host.run(signed);
    const { body } = await host.ask('POST', '/x/acme/keeper/keep');
    expect(body).toMatchObject([
      { name: 'a.txt', sizeBytes: 12 },
      { name: 'b.bin', sizeBytes: 3 },
    ]);
    expect(await ask('keeper/escape')).toEqual({ code: 'E_FILE_PATH' });

    await host.operate(signed.id, 'disable');
    const folder = join(host.dataDir, 'files', 'acme', 'keeper');
    expect(await readdir(folder)).toEqual(['notes']);
    await host.operate(signed.id, 'enable');
    expect(await ask('keeper/kept')).toEqual(['Grüße 😀', [0, 128, 255], ['started']]);

    await host.operate(signed.id, 'disable');
    const { body: operation } = await host.operate(signed.id, 'uninstall');
    expect(operation.steps.map(({ name }: { name: string }) => name)).toContain('remove files');
    await expect(access(folder)).rejects.toThrow();
  });
});
