import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Author } from '../../support/author.ts';
import { TestHost, until } from '../../support/host.ts';
import { serving } from '../../support/sources.ts';

const ID = 'acme/busy';
/**
 * It must be within a second; a busy machine may take longer, and the test says how long it took. Of itself none of it
 * would end within a minute.
 */
const PATIENCE_MS = 20_000;

describe('a capability that is revoked', () => {
  let silent: Server;
  let here: TestHost;
  let there: TestHost;
  let author: Author;

  beforeAll(async () => {
    silent = createServer(() => {}); // takes a request and never answers
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const origin = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    [here, author] = await Promise.all([TestHost.start(), Author.create('acme')]);
    await here.trust(author);
    there = await here.startBeside();
    await here.run(await author.publish(busy(origin)));
    await until(
      () => there.ask('GET', `/x/${ID}/ran`),
      ({ status }) => status === 200,
    );
  });
  afterAll(async () => {
    silent.closeAllConnections();
    silent.close();
    await there[Symbol.asyncDispose]();
    await here[Symbol.asyncDispose]();
    await author[Symbol.asyncDispose]();
  });

  const grant = (name: string) => here.ask('PUT', `/v1/extensions/${ID}/grants/${name}`, { body: {} });
  const revoke = (name: string) => here.ask('DELETE', `/v1/extensions/${ID}/grants/${name}`);

  /** Revokes while something is under way, and says how long that went on. */
  async function measured<Ended>(what: string, name: string, under: Promise<Ended>): Promise<Ended> {
    const startedAt = performance.now();
    const late = new Promise<never>((_resolve, reject) => {
      setTimeout(() => reject(new Error(`${what} went on`)), PATIENCE_MS).unref();
    });
    const [ended] = await Promise.all([Promise.race([under, late]), revoke(name)]);
    const ms = Math.round(performance.now() - startedAt);
    process.stdout.write(`revocation: ${what} ended after ${ms} ms\n`);
    await grant(name);
    return ended;
  }

  /** Hosts follow a grant one after the other: what is refused until then is asked again. */
  async function callUnderWay(host: TestHost): Promise<{ call: ReturnType<TestHost['ask']> }> {
    for (;;) {
      const arrived = new Promise<boolean>((resolve) => silent.once('request', () => resolve(true)));
      const call = host.ask('GET', `/x/${ID}/waits`);
      if (await Promise.race([arrived, call.then(() => false)])) return { call };
    }
  }

  async function openStream(host: TestHost): Promise<{ cut: Promise<string> }> {
    const headers = { authorization: `Bearer ${host.token}` };
    const response = await fetch(`${host.url}/x/${ID}/ticks`, { headers });
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    await reader.read();
    const cut = async (): Promise<string> => {
      for (;;) {
        const read = await reader.read().catch(() => 'cut' as const);
        if (read === 'cut') return 'cut';
        if (read.done) return 'ended as if it were whole';
      }
    };
    return { cut: cut() };
  }

  it.each([
    ['on the host it was revoked on', () => here],
    ['on another host', () => there],
  ])('ends a call that is under way, %s', async (where, on) => {
    const { call } = await callUnderWay(on());
    const { status, body } = await measured(`a call ${where}`, 'network.outbound', call);
    expect([status, body.code]).toEqual([403, 'E_CAP_REVOKED']);
  });

  it.each([
    ['on the host it was revoked on', () => here],
    ['on another host', () => there],
  ])('cuts a stream, %s', async (where, on) => {
    const { cut } = await openStream(on());
    expect(await measured(`a stream ${where}`, 'api.register_endpoint', cut)).toBe('cut');
    await until(
      () => on().ask('GET', `/x/${ID}/ran`),
      ({ status }) => status === 200,
    );
  });

  it('keeps a queued job from running, until it is granted again', async () => {
    const ran = async () => (await here.ask('GET', `/x/${ID}/ran`)).body.ran;
    // Due when even a busy machine has long revoked it.
    const body = { n: 1, delayMs: 8_000 };
    expect((await here.ask('POST', `/x/${ID}/queue`, { body })).status).toBe(200);
    const dueAt = performance.now() + body.delayMs;
    await revoke('system.background_jobs');
    const early = Math.round(dueAt - performance.now());
    expect(early).toBeGreaterThan(0);
    await new Promise((resolve) => setTimeout(resolve, early + 2_000));
    expect(await ran()).toEqual([]);
    process.stdout.write(
      `revocation: a queued job was due ${early} ms later, and had not run 2 s after that\n`,
    );
    await grant('system.background_jobs');
    expect(await until(ran, (list) => list.length > 0)).toEqual([1]);
  });

  it('ends a job that runs', async () => {
    const { body } = await here.ask('POST', `/x/${ID}/queue`, { body: { n: 2, endless: true } });
    const job = async () => {
      const { jobs } = (await here.ask('GET', `/v1/extensions/${ID}/jobs`)).body;
      return jobs.find(({ id }: { id: string }) => id === body.id);
    };
    await until(job, ({ state }) => state === 'running');
    const cut = until(job, ({ errorCode }) => errorCode === 'E_CAP_REVOKED');
    await measured('a job that ran', 'system.background_jobs', cut);
  });
});

const busy = (origin: string) => ({
  manifest: serving('busy', ['GET /waits', 'GET /ticks', 'POST /queue', 'GET /ran'], {
    capabilities: [
      { name: 'network.outbound', reason: 'Asks.', scope: { origins: [origin] } },
      { name: 'system.background_jobs', reason: 'Works.' },
    ],
    contributes: { jobs: [{ name: 'note', timeoutMs: 60_000 }] },
    limits: { wallMs: 60_000 },
  }),
  code: `
  async function* ticks() {
    for (;;) { yield 'tick'; await new Promise((resolve) => setTimeout(resolve, 20)); }
  }
  export default {
    jobs: { note: async ({ payload: { n, endless } }, ctx) => {
      if (endless) await new Promise(() => {});
      await ctx.state.set('ran', [...(await ctx.state.get('ran') ?? []), n]);
    } },
    endpoints: {
      'GET /waits': async (_request, ctx) => ({ body: (await ctx.http.fetch(${JSON.stringify(`${origin}/`)})).status }),
      'GET /ticks': async () => ({ body: ticks() }),
      'POST /queue': async ({ body: { delayMs = 0, ...payload } }, ctx) => ({ body: await ctx.jobs.enqueue('note', payload, { delayMs }) }),
      'GET /ran': async (_request, ctx) => ({ body: { ran: await ctx.state.get('ran') ?? [] } }),
    },
  };`,
});
