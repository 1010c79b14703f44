import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AlertInbox } from '../../support/alert-inbox.ts';
import { Author } from '../../support/author.ts';
import { TestHost, until } from '../../support/host.ts';
import { serving } from '../../support/sources.ts';

/** The new version goes wrong after it passed its health check, in the hands of those who call it. */
describe('a new version that turns out bad', () => {
  let host: TestHost;
  let author: Author;
  let inbox: AlertInbox;

  beforeAll(async () => {
    inbox = await AlertInbox.open();
    const env = { MAG_HEALTH_INTERVAL_MS: '500', MAG_ALERT_WEBHOOK: inbox.url };
    [host, author] = await Promise.all([TestHost.start(env), Author.create('acme')]);
    await host.trust(author);
  });
  afterAll(async () => {
    await host[Symbol.asyncDispose]();
    await author[Symbol.asyncDispose]();
    await inbox[Symbol.asyncDispose]();
  });

  const GOOD = `async () => ({ body: 'one' })`;
  /** The old one must come back on a busy machine too; of the new one, the processor must be met before the wall. */
  const ROOM = { cpuMs: 2_000, wallMs: 20_000, memoryMb: 32 };
  const TIGHT = { ...ROOM, cpuMs: 200 };
  const version = (name: string, number: string, handler: string, limits: object, init = '() => {}') =>
    author.publish({
      manifest: serving(name, ['GET /version'], { version: number, limits }),
      code: `const leak = []; export default {
        init: ${init},
        endpoints: { 'GET /version': ${handler} },
      };`,
    });
  const upgrade = async (name: string, handler: string, limits: object = TIGHT, init?: string) => {
    await host.run(await version(name, '1.0.0', GOOD, ROOM, init));
    const next = await version(name, '2.0.0', handler, limits);
    await host.stage(next);
    const { body } = await host.operate(next.id, 'upgrade', { version: '2.0.0' });
    expect(body.state).toBe('succeeded');
  };
  /** Calls it until it is another version or state; more than once at a time where each call takes long. */
  const callUntilChanged = (name: string, atOnce = 1) =>
    until(
      async () => {
        const calls = Array.from({ length: atOnce }, () => host.ask('GET', `/x/acme/${name}/version`));
        await Promise.all(calls);
        const { version: now, state } = await host.show(`acme/${name}`);
        return { version: now, state };
      },
      // Found unwell, and while it is switched back, it is still the new one.
      (now) =>
        !['upgrading', 'unhealthy'].includes(now.state) &&
        (now.version !== '2.0.0' || now.state !== 'enabled'),
    );

  it.each<[string, string, string | RegExp, object, number?]>([
    ['answers', `async () => ({ status: 500 })`, 'E_HEALTH', TIGHT],
    [
      'leaks',
      `async () => { for (;;) leak.push(new Array(100_000).fill(leak.length)); }`,
      /E_LIMIT_(MEMORY|CPU)/,
      TIGHT,
    ],
    ['loops', `async () => { for (;;); }`, 'E_LIMIT_CPU', TIGHT],
    ['hangs', `() => new Promise(() => {})`, 'E_LIMIT_WALL', { ...TIGHT, wallMs: 4_000 }, 5],
  ])('is replaced by the old one when it %s badly', async (name, handler, code, limits, atOnce = 1) => {
    await upgrade(name, handler, limits);
    expect(await callUntilChanged(name, atOnce)).toEqual({ version: '1.0.0', state: 'enabled' });
    expect((await host.ask('GET', `/x/acme/${name}/version`)).body).toBe('one');
    const [rollback] = await until(
      async () => (await host.show(`acme/${name}`)).operations,
      ([newest]) => newest.state !== 'running',
    );
    expect([rollback.kind, rollback.state, rollback.principal]).toEqual(['rollback', 'succeeded', 'host']);
    const alerts = await until(
      async () => inbox.about(`acme/${name}`),
      ({ length }) => length > 0,
    );
    expect(alerts).toMatchObject([{ version: '2.0.0', code: expect.stringMatching(code) }]);
    const kept = await until(
      async () => (await host.ask('GET', `/v1/extensions/acme/${name}/health`)).body.alerts,
      ({ length }) => length > 0,
    );
    expect(kept).toMatchObject([{ version: '2.0.0', code: alerts[0]?.code }]);
    const { events } = (await host.ask('GET', '/v1/events?type=extension.quarantined')).body;
    expect(events).toEqual([]);
  });

  it('is disabled when the old one does not come back either', async () => {
    const once = `async (ctx) => { if (await ctx.state.get('was-there')) throw new Error('spoilt'); }`;
    const spoiling = `async (request, ctx) => { await ctx.state.set('was-there', true); return { status: 500 }; }`;
    await upgrade('spoiler', spoiling, TIGHT, once);
    await callUntilChanged('spoiler');
    const shown = await until(
      () => host.show('acme/spoiler'),
      ({ state }) => state === 'disabled',
    );
    expect(shown.version).toBe('2.0.0');
    expect(shown.reason.code).toBe('E_HEALTH');
    expect(shown.reason.detail).toContain('the version before could not be brought back');
    expect(shown.operations.slice(0, 2).map(({ kind }: { kind: string }) => kind)).toEqual([
      'disable',
      'rollback',
    ]);
  });
});
