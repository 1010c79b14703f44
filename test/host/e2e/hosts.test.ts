import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Author, type ExtensionSource } from '../../support/author.ts';
import { TestHost, until } from '../../support/host.ts';
import { serving } from '../../support/sources.ts';

const ID = 'acme/twin';

function source(version: string) {
  return {
    manifest: { ...serving('twin', ['GET /who'], {}), version },
    code: `export default { endpoints: { 'GET /who': async () => ({ body: '${version}' }) } };`,
  };
}

describe('two hosts on one database', () => {
  let author: Author;
  let first: TestHost;
  let second: TestHost;
  const who = async (host: TestHost) => (await host.ask('GET', `/x/${ID}/who`)).body;
  const runs = async (host: TestHost) => {
    const { body } = await host.ask('GET', '/v1/hosts');
    return body.hosts.map((one: { runs: unknown }) => one.runs);
  };

  beforeAll(async () => {
    first = await TestHost.start();
    author = await Author.create('acme');
    await first.trust(author);
    second = await first.startBeside();
  });
  afterAll(async () => {
    await second[Symbol.asyncDispose]();
    await first[Symbol.asyncDispose]();
    await author[Symbol.asyncDispose]();
  });

  it('run what either was told to run', async () => {
    await first.run(await author.publish(source('1.0.0')));
    expect(await who(first)).toBe('1.0.0');
    await until(
      () => who(second),
      (body) => body === '1.0.0',
    );
    // What serves is reported a moment later.
    const all = await until(
      () => runs(second),
      (each) => each.every(({ length }: readonly unknown[]) => length > 0),
    );
    expect(all).toEqual([
      [{ extension: ID, version: '1.0.0', state: 'running' }],
      [{ extension: ID, version: '1.0.0', state: 'running' }],
    ]);
    const { body } = await first.ask('GET', '/v1/hosts');
    expect(body.hosts).toMatchObject([
      { address: first.url, state: 'serving', isThis: true, pid: process.pid },
      { address: second.url, state: 'serving', isThis: false },
    ]);
  });

  it('switch versions one after the other, both serving all the time', async () => {
    const wrong: unknown[] = [];
    let isOver = false;
    const asking = [first, second].map(async (host) => {
      while (!isOver) {
        const { status, body } = await host.ask('GET', `/x/${ID}/who`);
        if (status !== 200) wrong.push({ status, body });
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    });
    await first.stage(await author.publish(source('1.1.0')));
    const { body: upgraded } = await second.operate(ID, 'upgrade', { version: '1.1.0' });
    expect(upgraded.state).toBe('succeeded');
    // Done is done everywhere: an upgrade ends when the other hosts have followed.
    expect([await who(first), await who(second)]).toEqual(['1.1.0', '1.1.0']);
    const { body: back } = await first.operate(ID, 'rollback');
    expect(back.state).toBe('succeeded');
    expect([await who(first), await who(second)]).toEqual(['1.0.0', '1.0.0']);
    isOver = true;
    await Promise.all(asking);
    expect(wrong).toEqual([]);
  });

  it('let one operation on an extension run at a time, and ask for the same twice once', async () => {
    const asked = await Promise.all(
      [first, second, first, second].map((host) => host.ask('POST', `/v1/extensions/${ID}/disable`)),
    );
    const accepted = asked.filter(({ status }) => status === 202);
    expect(new Set(accepted.map(({ body }) => body.operation)).size).toBe(1);
    for (const { status, body } of asked) if (status !== 202) expect(body.code).toBe('E_STATE');
    const operation = accepted[0]?.body.operation;
    for (const host of [first, second]) {
      const { body } = await host.ask('GET', `/v1/operations/${operation}?wait=60`);
      expect(body.state).toBe('succeeded');
    }
    for (const host of [first, second]) expect((await who(host)).code).toBe('E_NOT_ENABLED');
  });

  it('revoke a right on both before the answer', async () => {
    await first.run(await author.publish(reader()));
    const ask = (host: TestHost) => host.ask('GET', '/x/acme/reader/now');
    await until(
      () => ask(second),
      ({ status }) => status === 200,
    );
    await first.ask('DELETE', '/v1/extensions/acme/reader/grants/database.read');
    for (const host of [first, second]) expect((await ask(host)).body.code).toBe('E_CAP_REVOKED');
  });

  it("are none of each other's business where only one of them can run it", async () => {
    await using third = await first.startBeside({ trusting: false });
    const { body } = await third.ask('GET', '/v1/startup');
    expect(body.extensions).toContainEqual(
      expect.objectContaining({
        extension: 'acme/reader',
        state: 'failed',
        reason: expect.objectContaining({ code: 'E_SIG_UNTRUSTED' }),
      }),
    );
    expect((await first.show('acme/reader')).state).toBe('enabled');
    expect((await first.ask('GET', '/x/acme/reader/now')).body.code).toBe('E_CAP_REVOKED');
    const newest = await until(
      async () => (await runs(first)).at(-1),
      (all) => all.length > 0,
    );
    expect(newest).toContainEqual(expect.objectContaining({ extension: 'acme/reader', state: 'failed' }));
  });

  it('deliver an event once, and go on when the host that did it stops', async () => {
    await first.run(await author.publish(counting()));
    await until(
      () => runs(second),
      (all) => all.every((one: { extension: string }[]) => one.some((run) => run.extension === COUNTING)),
    );
    const emit = async (host: TestHost, n: number) =>
      expect((await host.ask('POST', `/x/${COUNTING}/emit`, { body: { n } })).status).toBe(204);
    const seen = async () => (await second.ask('GET', `/x/${COUNTING}/seen`)).body as number[];
    for (let n = 1; n <= 20; n++) await emit(n % 2 === 0 ? first : second, n);
    await until(seen, ({ length }) => length >= 20);
    await first.shutdown();
    for (let n = 21; n <= 30; n++) await emit(second, n);
    await until(seen, ({ length }) => length >= 30);
    expect(await seen()).toEqual(Array.from({ length: 30 }, (_, index) => index + 1));
    await first.boot();
    expect((await first.ask('GET', `/x/${COUNTING}/seen`)).body).toHaveLength(30);
  });
});

const COUNTING = 'acme/counting';

function reader(): ExtensionSource {
  return {
    manifest: serving('reader', ['GET /now'], {
      capabilities: [{ name: 'database.read', reason: 'Asks for the time.' }],
    }),
    code: `export default { endpoints: {
      'GET /now': async (_request, ctx) => ({ body: (await ctx.db.query('select 1 as one')).rows }),
    } };`,
  };
}

function counting(): ExtensionSource {
  return {
    manifest: serving('counting', ['POST /emit', 'GET /seen'], {
      capabilities: [
        { name: 'api.emit_events', reason: 'Counts.' },
        { name: 'realtime.subscribe_events', reason: 'Hears itself.' },
      ],
      contributes: {
        events: {
          subscribes: ['acme.counting.counted'],
          publishes: [{ type: 'acme.counting.counted', schema: 'schemas/counted.json' }],
        },
      },
    }),
    code: `export default {
      endpoints: {
        'POST /emit': async (request, ctx) => {
          await ctx.events.publish('acme.counting.counted', { n: request.body.n });
          return { status: 204 };
        },
        'GET /seen': async (_request, ctx) => ({ body: (await ctx.state.get('seen')) ?? [] }),
      },
      events: {
        'acme.counting.counted': async (event, ctx) => {
          await ctx.state.set('seen', [...((await ctx.state.get('seen')) ?? []), event.data.n]);
        },
      },
    };`,
    files: { 'schemas/counted.json': '{ "type": "object" }' },
  };
}
