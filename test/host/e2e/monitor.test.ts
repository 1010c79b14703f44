import { HTTP } from 'cloudevents';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AlertInbox } from '../../support/alert-inbox.ts';
import { Author } from '../../support/author.ts';
import { TestHost, until } from '../../support/host.ts';
import { NEIGHBOUR, serving } from '../../support/sources.ts';

describe('looking after what runs', () => {
  let host: TestHost;
  let author: Author;
  let inbox: AlertInbox;

  beforeAll(async () => {
    inbox = await AlertInbox.open();
    const env = { MAG_HEALTH_INTERVAL_MS: '200', MAG_ALERT_WEBHOOK: inbox.url };
    [host, author] = await Promise.all([TestHost.start(env), Author.create('acme')]);
    await host.trust(author);
    await host.run(await author.publish(NEIGHBOUR));
  });
  afterAll(async () => {
    await host[Symbol.asyncDispose]();
    await author[Symbol.asyncDispose]();
    await inbox[Symbol.asyncDispose]();
  });

  const state = async (name: string) => (await host.show(`acme/${name}`)).state as string;

  it('disables what fails three checks in a row, tells everybody, and lets an operator enable it again', async () => {
    const fickle = await author.publish({
      manifest: serving('fickle', ['POST /be/:state', 'GET /ok']),
      code: `let is = 'well', checks = 0; export default {
        health: async () => ({ healthy: is === 'well' || (is === 'shaky' && ++checks % 3 === 0) }),
        endpoints: { 'POST /be/:state': async ({ params }) => { is = params.state; return {}; }, 'GET /ok': async () => ({ body: 'fine' }) },
      };`,
    });
    await host.run(fickle);
    await host.ask('POST', '/x/acme/fickle/be/shaky');
    await until(
      () => state('fickle'),
      (value) => value === 'unhealthy',
    );
    await host.ask('POST', '/x/acme/fickle/be/ill');
    await until(
      () => state('fickle'),
      (value) => value === 'disabled',
    );
    expect((await host.show('acme/fickle')).reason.code).toBe('E_HEALTH');
    const events = await until(
      async () => (await host.ask('GET', '/v1/events?type=extension.disabled')).body.events,
      ({ length }) => length > 0,
    );
    expect(events[0].data).toMatchObject({
      extension: 'acme/fickle',
      reason: expect.stringContaining('E_HEALTH'),
    });
    const [alert] = await until(
      async () => inbox.about('acme/fickle'),
      ({ length }) => length > 0,
    );
    const told = { version: '1.0.0', code: 'E_HEALTH', detail: '3 health checks in a row failed' };
    expect(alert).toMatchObject(told);
    const request = inbox.requests.find(({ body }) => body === JSON.stringify(alert));
    expect(HTTP.toEvent({ headers: {}, body: '', ...request })).toMatchObject({
      specversion: '1.0',
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      source: '/magflock/kernel',
      type: 'extension.alert',
      subject: 'acme/fickle',
      time: alert?.at,
      datacontenttype: 'application/json',
      data: { extension: 'acme/fickle', ...told },
    });
    const health = await until(
      async () => (await host.ask('GET', '/v1/extensions/acme/fickle/health')).body,
      ({ alerts: kept }) => kept.length > 0,
    );
    expect(health.history.slice(0, 3).map(({ healthy }: { healthy: boolean }) => healthy)).toEqual([
      false,
      false,
      false,
    ]);
    expect(health.alerts).toMatchObject([told]);
    const { events: failed } = (await host.ask('GET', '/v1/events?type=extension.health_check.failed')).body;
    expect(failed[0].data).toMatchObject({ extension: 'acme/fickle', version: '1.0.0', check: 'periodic' });
    expect(Date.parse(health.alerts[0].at)).toBeGreaterThan(Date.parse(health.history[2].at));

    // What it did before is not held against it.
    await host.operate('acme/fickle', 'enable');
    expect((await host.ask('GET', '/x/acme/fickle/ok')).body).toBe('fine');
    await until(
      async () => (await host.ask('GET', '/v1/extensions/acme/fickle/health')).body.history,
      ([newest]) => newest.healthy,
    );
    expect(await state('fickle')).toBe('enabled');
    expect(inbox.about('acme/fickle')).toHaveLength(1);
  });

  it('tells everybody of one that is not well when it is enabled', async () => {
    const stillborn = await author.publish({
      manifest: serving('stillborn', ['GET /ok']),
      code: `export default {
        health: async () => ({ healthy: false }),
        endpoints: { 'GET /ok': async () => ({ body: 'fine' }) },
      };`,
    });
    await expect(host.run(stillborn)).rejects.toThrow('E_HEALTH');
    expect(await state('stillborn')).toBe('disabled');
    const alerts = await until(
      async () => inbox.about('acme/stillborn'),
      ({ length }) => length > 0,
    );
    expect(alerts).toMatchObject([{ version: '1.0.0', code: 'E_HEALTH' }]);
    const health = await until(
      async () => (await host.ask('GET', '/v1/extensions/acme/stillborn/health')).body,
      ({ alerts: kept }) => kept.length > 0,
    );
    expect(health).toMatchObject({ healthy: null, history: [], alerts: [{ code: 'E_HEALTH' }] });
  });

  it('disables what fails most of its calls', async () => {
    await host.run(
      await author.publish({
        manifest: serving('clumsy', ['GET /fall']),
        code: `export default { endpoints: { 'GET /fall': async () => { throw new Error('ouch'); } } };`,
      }),
    );
    const fallen = until(
      () => state('clumsy'),
      (value) => value === 'disabled',
    );
    for (let i = 0; i < 60; i += 1) await host.ask('GET', '/x/acme/clumsy/fall');
    expect(await fallen).toBe('disabled');
    const alerts = await until(
      async () => inbox.about('acme/clumsy'),
      ({ length }) => length > 0,
    );
    expect(alerts).toMatchObject([{ code: 'E_HEALTH' }]);
    expect(alerts[0]?.detail).toMatch(/^\d+ of \d+ calls within a minute failed$/);
  });

  it('brings the old version back when the new one fails most of its calls', async () => {
    const version = (number: string, code: string) =>
      author.publish({
        manifest: serving('hasty', ['GET /version'], { version: number }),
        code: `export default { endpoints: { 'GET /version': async () => { ${code} } } };`,
      });
    await host.run(await version('1.0.0', `return { body: 'one' };`));
    const broken = await version('2.0.0', `throw new Error('broken');`);
    await host.stage(broken);
    expect((await host.operate(broken.id, 'upgrade', { version: '2.0.0' })).body.state).toBe('succeeded');
    for (let i = 0; i < 60; i += 1) await host.ask('GET', '/x/acme/hasty/version');
    const shown = await until(
      () => host.show('acme/hasty'),
      ({ version: now, state }) => now === '1.0.0' && state !== 'upgrading',
    );
    expect(shown.state).toBe('enabled');
    expect((await host.ask('GET', '/x/acme/hasty/version')).body).toBe('one');
    const rollback = await until(
      async () => (await host.show('acme/hasty')).operations[0],
      ({ state: ended }) => ended !== 'running',
    );
    expect([rollback.kind, rollback.state, rollback.principal]).toEqual(['rollback', 'succeeded', 'host']);
    await until(
      async () => (await host.show('acme/hasty')).kept.length,
      (kept) => kept === 0,
    );
  });

  it('keeps a history of what an extension uses, and leaves the healthy alone', async () => {
    await host.ask('GET', '/x/acme/neighbour/ping');
    type Sample = Record<'calls' | 'cpuShare' | 'eventLoopShare', number>;
    /** The cell has told since the sample before what it used: it does so every now and then. */
    const isBusy = ({ calls, cpuShare }: Sample) => calls > 0 && cpuShare > 0;
    const called = (history: Sample[]) => history.reduce((sum, { calls }) => sum + calls, 0);
    let asked = 0;
    const health = await until(
      async () => {
        asked += 1; // which calls its `health()` too
        return (await host.ask('GET', '/v1/extensions/acme/neighbour/health')).body;
      },
      ({ history }) => called(history) > 0 && history.length > 2 && history.some(isBusy),
    );
    expect(health.healthy).toBe(true);
    expect(health.history[0]).toMatchObject({
      healthy: true,
      heapBytes: expect.any(Number),
      cpuMs: expect.any(Number),
      refused: {},
    });
    expect(called(health.history)).toBeLessThanOrEqual(1 + asked); // the checks themselves do not count
    const busy: Sample = health.history.find(isBusy);
    for (const share of [busy.cpuShare, busy.eventLoopShare]) {
      expect(share).toBeGreaterThan(0);
      expect(share).toBeLessThan(2);
    }
    expect(await state('neighbour')).toBe('enabled');
  });
});
