import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Author } from '../../support/author.ts';
import { TestHost, until } from '../../support/host.ts';
import { NEIGHBOUR, serving } from '../../support/sources.ts';

describe('looking after what runs', () => {
  let host: TestHost;
  let author: Author;
  let webhook: Server;
  const alerts: { extension: string; code: string }[] = [];

  beforeAll(async () => {
    webhook = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk) => {
        body += chunk;
      });
      request.on('end', () => {
        alerts.push(JSON.parse(body));
        response.end();
      });
    }).listen(0, '127.0.0.1');
    await once(webhook, 'listening');
    const { port } = webhook.address() as { port: number };
    const env = { MAG_HEALTH_INTERVAL_MS: '200', MAG_ALERT_WEBHOOK: `http://127.0.0.1:${port}/alerts` };
    [host, author] = await Promise.all([TestHost.start(env), Author.create('acme')]);
    await host.trust(author);
    await host.run(await author.publish(NEIGHBOUR));
  });
  afterAll(async () => {
    await host[Symbol.asyncDispose]();
    await author[Symbol.asyncDispose]();
    webhook.close();
  });

  const state = async (name: string) => (await host.show(`acme/${name}`)).state as string;

  it('disables what fails three checks in a row, tells everybody, and lets an operator enable it again', async () => {
    const fickle = await author.publish({
      manifest: serving('fickle', ['POST /sicken', 'GET /ok']),
      code: `let well = true; export default {
        health: async () => ({ healthy: well }),
        endpoints: { 'POST /sicken': async () => { well = false; return {}; }, 'GET /ok': async () => ({ body: 'fine' }) },
      };`,
    });
    await host.run(fickle);
    await host.ask('POST', '/x/acme/fickle/sicken');
    await until(
      () => state('fickle'),
      (value) => value === 'disabled',
    );
    expect((await host.show('acme/fickle')).reason.code).toBe('E_HEALTH');
    const { body: events } = await host.ask('GET', '/v1/events?type=extension.disabled');
    expect(events.events[0].data).toMatchObject({
      extension: 'acme/fickle',
      reason: expect.stringContaining('E_HEALTH'),
    });
    await until(
      async () => alerts.length,
      (count) => count > 0,
    );
    expect(alerts).toContainEqual(expect.objectContaining({ extension: 'acme/fickle', code: 'E_HEALTH' }));
    const health = (await host.ask('GET', '/v1/extensions/acme/fickle/health')).body;
    expect(health.history.slice(0, 3).map(({ healthy }: { healthy: boolean }) => healthy)).toEqual([
      false,
      false,
      false,
    ]);

    await host.operate('acme/fickle', 'enable');
    expect((await host.ask('GET', '/x/acme/fickle/ok')).body).toBe('fine');
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
      ({ version: now }) => now === '1.0.0',
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
    const health = await until(
      async () => (await host.ask('GET', '/v1/extensions/acme/neighbour/health')).body,
      ({ history }) => history.some(({ calls }: { calls: number }) => calls > 0),
    );
    expect(health.healthy).toBe(true);
    expect(health.history[0]).toMatchObject({
      healthy: true,
      heapBytes: expect.any(Number),
      cpuMs: expect.any(Number),
    });
    expect(await state('neighbour')).toBe('enabled');
  });
});
