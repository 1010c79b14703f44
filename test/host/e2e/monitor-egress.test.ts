import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LocalServer, startHttpServer } from '../../adapters/network/local-servers.ts';
import { Author } from '../../support/author.ts';
import { TestHost, until } from '../../support/host.ts';
import { serving } from '../../support/sources.ts';
import { type Folder, mag, temporaryFolder } from '../cli/mag-process.ts';

const KIB = 1_024;
const LARGE = 600 * KIB;

describe('what an extension sends and receives', () => {
  let host: TestHost;
  let acme: Author;
  let crowd: Author;
  let server: LocalServer;
  let folder: Folder;
  beforeAll(async () => {
    [host, acme, crowd, server, folder] = await Promise.all([
      TestHost.start({ MAG_HEALTH_INTERVAL_MS: '300' }),
      Author.create('acme'),
      Author.create('crowd'),
      startHttpServer((request, response) => {
        request.resume();
        response.end(request.url === '/large' ? Buffer.alloc(LARGE) : 'small');
      }),
      temporaryFolder(),
    ]);
    await host.trust(acme, 'verified');
    await host.trust(crowd, 'community');
  });
  afterAll(async () => {
    await host[Symbol.asyncDispose]();
    await acme[Symbol.asyncDispose]();
    await crowd[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  const run = async (author: Author, egressKbPerMinute: number) => {
    const asking = (path: string, body: string) => `async () => {
      try { await fetch('${server.origin}${path}', ${body}); return { body: 'done' }; }
      catch (error) { return { body: error.code }; }
    }`;
    const signed = await author.publish({
      manifest: serving('asker', ['GET /send', 'GET /receive'], {
        capabilities: [
          { name: 'network.outbound', reason: 'Asks a server.', scope: { origins: [server.origin] } },
        ],
        limits: { egressKbPerMinute, wallMs: 10_000, memoryMb: 128 },
      }),
      code: `export default { endpoints: {
        'GET /send': ${asking('/', `{ method: 'POST', body: 'x'.repeat(${40 * KIB}) }`)},
        'GET /receive': ${asking('/large', '{}')},
      } };`,
    });
    await host.run(signed);
    return signed.id;
  };
  const usage = async (id: string) => (await host.ask('GET', `/v1/extensions/${id}/usage`)).body;

  it('is counted, limited and shown', async () => {
    const id = await run(acme, 64);
    expect((await usage(id)).components.total).toEqual({ egressSentBytes: 0, egressReceivedBytes: 0 });
    expect((await host.ask('GET', `/x/${id}/send`)).body).toBe('done');
    expect((await host.ask('GET', `/x/${id}/send`)).body).toBe('E_LIMIT_EGRESS');

    const { components, process, limits } = await usage(id);
    const { egressSentBytes, egressReceivedBytes } = components.total;
    expect(egressSentBytes).toBeGreaterThan(40 * KIB);
    expect(egressSentBytes).toBeLessThan(42 * KIB); // headers and all, and not what was refused
    expect(egressReceivedBytes).toBeGreaterThan(5);
    expect(egressReceivedBytes).toBeLessThan(2 * KIB);
    expect(process.refused).toEqual({ E_LIMIT_EGRESS: 1 });
    expect(limits.egressKbPerMinute).toBe(64);

    const metrics = (await host.ask('GET', '/metrics')).body;
    expect(metrics).toContain(`magflock_cell_egress_sent_bytes{extension="${id}"} ${egressSentBytes}`);
    expect(metrics).toContain(
      `magflock_cell_egress_received_bytes{extension="${id}"} ${egressReceivedBytes}`,
    );
    expect(metrics).toContain(`magflock_cell_refused{extension="${id}",code="E_LIMIT_EGRESS"} 1`);

    type Sample = { used: Record<string, number>; refused: Record<string, number> };
    const history: Sample[] = await until(
      async () => (await host.ask('GET', `/v1/extensions/${id}/health`)).body.history,
      (samples: Sample[]) => samples.some(({ refused }) => refused.E_LIMIT_EGRESS === 1),
    );
    const sent = history.reduce((sum, { used }) => sum + (used.egressSentBytes ?? 0), 0);
    expect(sent).toBe(egressSentBytes);
    await until(
      async () => (await usage(id)).components.sinceCheck,
      (sinceCheck) => Object.keys(sinceCheck).length === 0,
    );

    const env = { MAG_URL: host.url, MAG_TOKEN: host.token };
    const shown = await mag(['extension:usage', id], { cwd: folder.path, env });
    expect(shown.stdout).toMatch(new RegExp(`egressSentBytes +${egressSentBytes}`));
    expect(shown.stdout).toMatch(/refused +E_LIMIT_EGRESS 1/);
    const told = await mag(['extension:health', id], { cwd: folder.path, env });
    expect(told.exitCode).toBe(0);
    expect(told.stdout).toMatch(/alerts, newest first\n\(none\)/);
  });

  it('is limited by the tier where the manifest asks for more', async () => {
    const id = await run(crowd, 1_048_576);
    const ceilingKb = 10_240;
    expect((await usage(id)).limits.egressKbPerMinute).toBe(ceilingKb);
    const fits = Math.floor((ceilingKb * KIB) / (LARGE + 2 * KIB));
    for (let i = 0; i < fits; i += 1) expect((await host.ask('GET', `/x/${id}/receive`)).body).toBe('done');
    expect((await host.ask('GET', `/x/${id}/receive`)).body).toBe('E_LIMIT_EGRESS');
    const { components, process } = await usage(id);
    expect(components.total.egressReceivedBytes).toBeGreaterThan(fits * LARGE);
    expect(process.refused.E_LIMIT_EGRESS).toBe(1);
  });
});
