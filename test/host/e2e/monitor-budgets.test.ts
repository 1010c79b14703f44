import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AlertInbox } from '../../support/alert-inbox.ts';
import { Author } from '../../support/author.ts';
import { TestHost, until } from '../../support/host.ts';
import { serving } from '../../support/sources.ts';

const WASTEFUL = `export default { endpoints: {
  'GET /ok': async () => ({ body: 'fine' }),
  'GET /never': () => new Promise(() => {}),
  'GET /loop': async () => { for (;;); },
  'GET /greedy': async (request, ctx) => {
    const all = await Promise.allSettled(Array.from({ length: 50 }, (_, i) => ctx.state.get('key-' + i)));
    return { body: all.filter(({ reason }) => reason?.code === 'E_LIMIT_RATE').length };
  },
} };`;
const PATHS = WASTEFUL.match(/GET \/[a-z-]+/g) ?? [];

/** Checks are a minute apart: whatever happens sooner does not wait for one. */
describe('an extension that breaks its budgets', () => {
  let host: TestHost;
  let author: Author;
  let inbox: AlertInbox;

  beforeAll(async () => {
    inbox = await AlertInbox.open();
    [host, author] = await Promise.all([
      TestHost.start({ MAG_ALERT_WEBHOOK: inbox.url }),
      Author.create('acme'),
    ]);
    await host.trust(author);
  });
  afterAll(async () => {
    await host[Symbol.asyncDispose]();
    await author[Symbol.asyncDispose]();
    await inbox[Symbol.asyncDispose]();
  });

  const run = async (name: string, limits: object) =>
    host.run(await author.publish({ manifest: serving(name, PATHS, { limits }), code: WASTEFUL }));
  const codeOf = async (path: string) => (await host.ask('GET', `/x/acme/${path}`)).body.code as string;
  const codesOf = (path: string, count: number) =>
    Promise.all(Array.from({ length: count }, () => codeOf(path)));
  const stateOf = async (name: string) => (await host.show(`acme/${name}`)).state as string;
  const reach = (name: string, state: string) =>
    until(
      () => stateOf(name),
      (now) => now === state,
    );
  const alertsAbout = (name: string) =>
    until(
      async () => inbox.about(`acme/${name}`),
      ({ length }) => length > 0,
    );

  it('is disabled at the fifth within ten minutes, and runs again when an operator says so', async () => {
    // Enough for what is to go well on a busy machine, too: it starts, and answers `/ok`.
    await run('late', { wallMs: 2_000, cpuMs: 200 });
    expect(await codesOf('late/never', 4)).toEqual(Array(4).fill('E_LIMIT_WALL'));
    await new Promise((resolve) => setTimeout(resolve, 2_000)); // the fourth has been counted by then
    expect(await stateOf('late')).toBe('enabled');
    expect(await codeOf('late/never')).toBe('E_LIMIT_WALL');
    await reach('late', 'disabled');

    const detail = '5 broken budgets within ten minutes: 5 of E_LIMIT_WALL';
    const told = { extension: 'acme/late', version: '1.0.0', code: 'E_LIMIT_WALL', detail };
    const { reason, operations } = await host.show('acme/late');
    expect(reason).toEqual({ code: 'E_LIMIT_WALL', detail });
    expect(operations[0]).toMatchObject({ kind: 'disable', principal: 'host' });
    expect(await alertsAbout('late')).toMatchObject([told]);
    for (const [type, data] of [
      ['extension.error', told],
      ['extension.disabled', { extension: 'acme/late', reason: JSON.stringify(reason) }],
    ] as const) {
      const events = await until(
        async () => (await host.ask('GET', `/v1/events?type=${type}`)).body.events,
        ({ length }) => length > 0, // told when the operation has ended
      );
      expect(events[0].data).toMatchObject(data);
    }
    expect(await codeOf('late/ok')).toBe('E_NOT_ENABLED');

    await host.operate('acme/late', 'enable');
    expect((await host.ask('GET', '/x/acme/late/ok')).body).toBe('fine');
    expect(await codeOf('late/never')).toBe('E_LIMIT_WALL'); // the first again, not the sixth
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    expect(await stateOf('late')).toBe('enabled');
    const { alerts, process } = (await host.ask('GET', '/v1/extensions/acme/late/health')).body;
    expect(alerts).toMatchObject([told]);
    expect(process.refused).toEqual({ E_LIMIT_WALL: 1 });
  });

  it('is quarantined, not disabled, when each of them was the end of its cell', async () => {
    await run('deadly', { cpuMs: 100, wallMs: 20_000 }); // the wait for its next cell is part of a call
    for (let i = 0; i < 5; i += 1) expect(await codeOf('deadly/loop')).toBe('E_LIMIT_CPU');
    await reach('deadly', 'quarantined');
    expect(await alertsAbout('deadly')).toMatchObject([{ code: 'E_LIMIT_CPU' }]);
    expect((await host.show('acme/deadly')).operations[0].kind).toBe('enable'); // nobody disabled it before
    const { alerts } = await until(
      async () => (await host.ask('GET', '/v1/extensions/acme/deadly/health')).body,
      ({ alerts: kept }) => kept.length > 0,
    );
    expect(alerts).toMatchObject([{ code: 'E_LIMIT_CPU', version: '1.0.0' }]);
  });

  it('is disabled when some of them were the end of its cell and some were not', async () => {
    await run('both', { cpuMs: 100, wallMs: 4_000 });
    for (let i = 0; i < 3; i += 1) expect(await codeOf('both/loop')).toBe('E_LIMIT_CPU');
    await until(
      () => host.ask('GET', '/x/acme/both/ok'),
      ({ status }) => status === 200,
    );
    expect(await codesOf('both/never', 2)).toEqual(Array(2).fill('E_LIMIT_WALL'));
    await reach('both', 'disabled');
    expect((await host.show('acme/both')).reason.detail).toBe(
      '5 broken budgets within ten minutes: 3 of E_LIMIT_CPU, 2 of E_LIMIT_WALL',
    );
  });

  it('is left alone however often a rate was refused: it was told, and cost nobody anything', async () => {
    await run('greedy', { hostCallsPerSecond: 1 });
    expect((await host.ask('GET', '/x/acme/greedy/greedy')).body).toBeGreaterThan(20);
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    expect(await stateOf('greedy')).toBe('enabled');
    const { process } = (await host.ask('GET', '/v1/extensions/acme/greedy/usage')).body;
    expect(process.refused.E_LIMIT_RATE).toBeGreaterThan(20);
  });
});
