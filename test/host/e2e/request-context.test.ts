import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LocalServer, startHttpServer } from '../../adapters/network/local-servers.ts';
import { Author } from '../../support/author.ts';
import { TestHost, until } from '../../support/host.ts';
import { serving } from '../../support/sources.ts';

const ID = 'acme/traveller';
const [SAID, BOOKED, HEARD] = ['acme.traveller.said', 'acme.traveller.booked', 'acme.traveller.heard'];
const TRACE = '0af7651916cd43dd8448eb211c80319c';
const HEADERS = {
  'x-env': 'staging',
  'x-app-id': 'app-1',
  traceparent: `00-${TRACE}-b7ad6b7169203331-01`,
};

/** Publishes, hears of it, and keeps where it was and whom it saw. */
const CODE = (origin: string) => `
  const look = (name) => async (event, ctx) => {
    const { rows } = await ctx.db.query('insert into visits (name) values ($1) returning tenant', [name]);
    await ctx.state.set(name, { request: ctx.request, tenant: rows[0].tenant });
    ctx.log.info('looked at ' + name);
    if (name === '${SAID}') {
      await ctx.http.fetch('${origin}/seen');
      await ctx.events.publish('${HEARD}', {});
    }
  };
  export default {
    endpoints: {
      'POST /say': async (_request, ctx) => {
        await ctx.events.publish('${SAID}', {});
        return { body: await ctx.db.transaction((tx) => ctx.events.publishInTransaction(tx, '${BOOKED}', {})) };
      },
      'GET /state': async (_request, ctx) => ({ body: await ctx.state.list() }),
    },
    events: { '${SAID}': look('${SAID}'), '${BOOKED}': look('${BOOKED}'), 'extension.enabled': look('extension.enabled') },
  };`;

describe('the request context', () => {
  let host: TestHost;
  let author: Author;
  let server: LocalServer;
  let acme = '';
  const traces: (string | undefined)[] = [];

  beforeAll(async () => {
    [host, author, server] = await Promise.all([
      TestHost.start(),
      Author.create('acme'),
      startHttpServer((request, response) => {
        traces.push(request.headers.traceparent as string | undefined);
        response.end();
      }),
    ]);
    await host.trust(author);
    await host.run(
      await author.publish({
        manifest: serving('traveller', ['POST /say', 'GET /state'], {
          capabilities: [
            { name: 'database.read', reason: 'Reads.' },
            { name: 'database.write', reason: 'Writes.' },
            { name: 'api.emit_events', reason: 'Says.' },
            { name: 'realtime.subscribe_events', reason: 'Hears.' },
            { name: 'network.outbound', reason: 'Asks.', scope: { origins: [server.origin] } },
          ],
          contributes: {
            events: {
              subscribes: [SAID, { type: BOOKED, delivery: 'transactional' }, 'extension.enabled'],
              publishes: [SAID, BOOKED, HEARD].map((type) => ({ type, schema: 'schemas/any.json' })),
            },
          },
          migrations: 'migrations',
        }),
        code: CODE(server.origin),
        files: {
          'schemas/any.json': '{ "type": "object" }',
          'migrations/0001_visits.up.sql':
            "create table visits (name text, tenant text default current_setting('mag.tenant', true));",
          'migrations/0001_visits.down.sql': 'drop table visits;',
        },
      }),
    );
    acme = (await host.ask('POST', '/v1/tokens', { body: { name: 'a', role: 'user', tenant: 't_acme' } }))
      .body.token;
  });
  afterAll(async () => {
    await host[Symbol.asyncDispose]();
    await author[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  const stateOf = async (token: string) =>
    Object.fromEntries(
      (await host.ask('GET', `/x/${ID}/state`, { token })).body.map(
        ({ key, value }: { key: string; value: unknown }) => [key, value],
      ),
    );

  it('travels with an event, through a transaction too, into what its handler does', async () => {
    const answer = await host.ask('POST', `/x/${ID}/say`, { token: acme, headers: HEADERS });
    expect(answer.headers.get('traceparent')).toContain(TRACE);
    const state = await until(
      () => stateOf(acme),
      (found) => found[SAID] !== undefined && found[BOOKED] !== undefined,
    );
    const request = {
      tenantId: 't_acme',
      env: 'staging',
      appId: 'app-1',
      principal: { id: expect.stringMatching(/^token:/), name: expect.any(String), role: '' },
      membership: null,
      mode: null,
      traceId: TRACE,
    };
    expect(state[SAID]).toEqual({ request, tenant: 't_acme' });
    expect(state[BOOKED]).toEqual({ request, tenant: 't_acme' });
    expect(Object.keys(await stateOf(host.token))).not.toContain(SAID);
  });

  it('is written with what is published, and goes out in its trace', async () => {
    const context = { tenant_id: 't_acme', user_id: expect.stringMatching(/^token:/), trace_id: TRACE };
    for (const type of [SAID, BOOKED, HEARD]) {
      const found = await until(
        async () => (await host.ask('GET', `/v1/events?type=${type}`)).body.events,
        ({ length }) => length > 0,
      );
      expect(found[0].context).toEqual({ ...context, env: 'staging', app_id: 'app-1' });
    }
    expect(
      await until(
        async () => traces[0],
        (seen) => seen !== undefined,
      ),
    ).toMatch(`00-${TRACE}-`);
    const lines = await until(
      async () => (await host.ask('GET', `/v1/extensions/${ID}/logs`)).body.lines,
      (all) => all.length >= 2,
    );
    expect(lines.map(({ traceId }: { traceId: string }) => traceId)).toContain(TRACE);
  });

  it('of an event that an operator publishes is that of the operator', async () => {
    const body = { type: SAID, data: {} };
    const { eventId } = (await host.ask('POST', '/v1/events', { body, headers: HEADERS })).body;
    const { events } = (await host.ask('GET', `/v1/events?type=${SAID}`)).body;
    const published = events.find((event: { event_id: string }) => event.event_id === eventId);
    expect(published.context).toMatchObject({ tenant_id: 't_system', trace_id: TRACE, env: 'staging' });
    const state = await until(
      () => stateOf(host.token),
      (found) => found[SAID] !== undefined,
    );
    expect(state[SAID]).toMatchObject({
      tenant: 't_system',
      request: { tenantId: 't_system', traceId: TRACE },
    });
  });

  it('is none in the handler of an event of no tenant, whose state is that of the control plane', async () => {
    await host.operate(ID, 'disable');
    await host.operate(ID, 'enable');
    const state = await until(
      () => stateOf(host.token),
      (found) => found['extension.enabled'] !== undefined,
    );
    expect(state['extension.enabled']).toEqual({ request: null, tenant: '' });
  });
});
