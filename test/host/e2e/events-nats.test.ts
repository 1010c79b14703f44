import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openNatsEvents } from '../../../host/events-nats/index.ts';
import { Author } from '../../support/author.ts';
import { TestHost, until } from '../../support/host.ts';
import { ownNatsServer } from '../../support/nats.ts';
import { silentLogger } from '../../support/silent-logger.ts';
import { serving } from '../../support/sources.ts';
import { mag, temporaryFolder } from '../cli/mag-process.ts';
import { event } from '../events/contract.ts';

const ID = 'acme/radio';
const TYPE = 'acme.radio.said';

/** Publishes, and hears itself; deaf, it lets nothing in. */
const RADIO = {
  manifest: serving('radio', ['POST /say', 'GET /heard'], {
    capabilities: [
      { name: 'api.emit_events', reason: 'Speaks.' },
      { name: 'realtime.subscribe_events', reason: 'Hears itself.' },
    ],
    contributes: {
      events: {
        subscribes: [{ type: TYPE, delivery: 'transactional' }],
        publishes: [{ type: TYPE, schema: 'schemas/said.json' }],
      },
    },
  }),
  files: { 'schemas/said.json': '{ "type": "object", "required": ["n"] }' },
  code: `export default {
    endpoints: {
      'POST /say': async (request, ctx) => {
        await ctx.events.publish('${TYPE}', request.body);
        return { status: 204 };
      },
      'GET /heard': async (_request, ctx) => ({ body: (await ctx.state.get('heard')) ?? [] }),
    },
    events: { '${TYPE}': async (event, ctx) => {
      await ctx.state.set('heard', [...((await ctx.state.get('heard')) ?? []), event.data.n]);
    } },
  };`,
};

const BOOKS = 'acme/books';
const PAID = 'acme.books.paid';
const BOOKED = 'acme.books.booked';

/** Books what it hears and tells of it, all or nothing. */
const LEDGER = {
  manifest: serving('books', ['GET /ok'], {
    capabilities: [
      { name: 'database.write', reason: 'Books.' },
      { name: 'api.emit_events', reason: 'Tells.' },
      { name: 'realtime.subscribe_events', reason: 'Hears of payments.' },
    ],
    contributes: {
      events: {
        subscribes: [{ type: PAID, delivery: 'transactional' }],
        publishes: [PAID, BOOKED].map((type) => ({ type, schema: 'schemas/any.json' })),
      },
    },
    migrations: 'migrations',
  }),
  files: {
    'schemas/any.json': '{ "type": "object", "required": ["n"] }',
    'migrations/0001_booked.up.sql': 'create table booked (n int);',
    'migrations/0001_booked.down.sql': 'drop table booked;',
  },
  code: `export default {
    endpoints: { 'GET /ok': async () => ({}) },
    events: { '${PAID}': async (event, ctx) => {
      await ctx.db.query('insert into booked values ($1)', [event.data.n]);
      await ctx.events.publish('${BOOKED}', { n: event.data.n });
    } },
  };`,
};

const nats = await ownNatsServer();

describe.skipIf(nats === null)('a host that keeps its events in NATS', () => {
  let host: TestHost;
  let author: Author;

  beforeAll(async () => {
    const env = { MAG_EVENTS: 'nats', NATS_URL: `${nats?.url.replace('//', '//geheim@')}` };
    [host, author] = await Promise.all([TestHost.start(env), Author.create('acme')]);
    await host.trust(author);
    await host.run(await author.publish(RADIO));
  });
  afterAll(async () => {
    await host[Symbol.asyncDispose]();
    await author[Symbol.asyncDispose]();
    await nats?.[Symbol.asyncDispose]();
  });

  const say = async (n: number) => (await host.ask('POST', `/x/${ID}/say`, { body: { n } })).status;
  const heard = async () => (await host.ask('GET', `/x/${ID}/heard`)).body as number[];
  const hears = (...numbers: number[]) =>
    until(heard, (all) => all.length >= numbers.length).then((all) => expect(all).toEqual(numbers));

  it('hands an extension what it publishes', async () => {
    expect(await say(1)).toBe(204);
    expect(await say(2)).toBe(204);
    await hears(1, 2);
    const { body } = await host.ask('GET', `/v1/events?type=${TYPE}`);
    expect(body.events.map(({ data }: { data: { n: number } }) => data.n)).toEqual([2, 1]);
    const { rows } = await host.database.pool.query('SELECT count(*)::int AS count FROM mag.events');
    expect(rows[0].count).toBe(0);
  });

  it('moves the place in that log together with what the handler did', async () => {
    const { rows } = await host.database.pool.query(
      'SELECT DISTINCT component FROM mag.subscription_cursors WHERE extension = $1',
      [ID],
    );
    const places = rows.map(({ component }: { component: string }) => component);
    expect(places).toContainEqual(expect.stringMatching(/^extension@nats:/));
    for (const place of places) expect(place).toContain('@nats:');
  });

  it('is followed by event:tail', async () => {
    await using folder = await temporaryFolder();
    const args = ['event:tail', '--type', TYPE, '--limit', '2'];
    const result = await mag(args, { cwd: folder.path, env: { MAG_URL: host.url, MAG_TOKEN: host.token } });
    expect({ code: result.exitCode, stderr: result.stderr }).toEqual({ code: 0, stderr: '' });
    expect(result.stdout).toContain(TYPE);
  });

  it('streams what comes, behind what the client saw last', async () => {
    const { body } = await host.ask('GET', `/v1/events?type=${TYPE}`);
    const [, first] = body.events;
    const stop = new AbortController();
    const response = await fetch(`${host.url}/v1/events?type=${TYPE}&after=${first.event_id}`, {
      headers: { authorization: `Bearer ${host.token}`, accept: 'text/event-stream' },
      signal: stop.signal,
    });
    let text = '';
    const reading = (async () => {
      const decoder = new TextDecoder();
      for await (const chunk of response.body ?? []) text += decoder.decode(chunk);
    })().catch(() => {});
    const shows = (part: string) =>
      until(
        async () => text,
        (all) => all.includes(part),
      );
    await shows('"n":2');
    expect(await say(3)).toBe(204);
    await shows('"n":3');
    expect(text).not.toContain('"n":1');
    stop.abort();
    await reading;
    await hears(1, 2, 3);
  });

  it('replays for a subscription', async () => {
    const [subscription] = (await host.ask('GET', '/v1/subscriptions')).body.subscriptions;
    const time = new Date(Date.now() - 3_600_000).toISOString();
    const path = `/v1/subscriptions/${subscription.id}/replay`;
    expect((await host.ask('POST', path, { body: { time } })).status).toBe(202);
    await hears(1, 2, 3, 1, 2, 3);
    await until(
      async () => (await host.ask('GET', '/v1/subscriptions')).body.subscriptions[0],
      ({ lag, replays }) => lag === 0 && replays.length === 0,
    );
  });

  it('delivers in one transaction with the effects, whatever the place in the log in Postgres', async () => {
    await host.run(await author.publish(LEDGER));
    const { pool } = host.database;
    await pool.query(
      `INSERT INTO mag.subscription_cursors (extension, type, component, sequence) VALUES ($1, $2, 'extension', 9999)`,
      [BOOKS, PAID],
    );
    for (const n of [1, 2, 3])
      expect((await host.ask('POST', '/v1/events', { body: { type: PAID, data: { n } } })).status).toBe(201);
    const told = await until(
      async () => (await host.ask('GET', `/v1/events?type=${BOOKED}`)).body.events,
      ({ length }) => length >= 3,
    );
    expect(told.map(({ data }: { data: { n: number } }) => data.n)).toEqual([3, 2, 1]);
    const { rows } = await pool.query('SELECT n FROM ext_acme_books.booked ORDER BY n');
    expect(rows).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
    const places = await pool.query(
      'SELECT component FROM mag.subscription_cursors WHERE extension = $1 AND sequence <> 9999',
      [BOOKS],
    );
    expect(places.rows.every(({ component }) => component.includes('@nats:MAG_EVENTS:'))).toBe(true);
  });

  it('says that one copy of an event is not safe, and shows no secret', async () => {
    for (const path of ['/v1/host', '/readyz'])
      expect((await host.ask('GET', path)).body.degradations).toContainEqual({
        name: 'nats',
        detail: expect.stringContaining('1 of 3 replicas'),
      });
    const { body } = await host.ask('GET', '/v1/host');
    expect(body.config).toMatchObject({ events: 'nats', natsUrl: expect.stringContaining('redacted') });
    expect(JSON.stringify(body)).not.toContain('geheim');
  });

  /** Publishes as another host would. */
  const publishElsewhere = async (n: number) => {
    const events = await openNatsEvents({ url: nats?.url ?? '', replicas: 1, logger: silentLogger });
    const source = { component: 'extension', extension: ID } as const;
    await events.append([
      event('extension', {
        event_type: TYPE,
        data: { n },
        source,
        capabilities_required: [],
        context: { tenant_id: 't_system' },
      }),
    ]);
    await events.close();
  };

  it('goes on where it stopped, with what came while it was down', async () => {
    await host.shutdown();
    await publishElsewhere(4);
    await host.boot();
    await hears(1, 2, 3, 1, 2, 3, 4);
    expect(await say(5)).toBe(204);
    await hears(1, 2, 3, 1, 2, 3, 4, 5);
  });

  it('is back by itself after the server was away, and loses nothing', async () => {
    await nats?.kill();
    expect(await say(6)).toBeGreaterThanOrEqual(500);
    const { status, body } = await host.ask('GET', '/readyz');
    expect([status, body.degradations]).toEqual([
      200,
      expect.arrayContaining([{ name: 'nats', detail: expect.stringContaining('lost') }]),
    ]);
    await nats?.boot();
    await until(
      () => say(7),
      (status) => status === 204,
    );
    await until(heard, (all) => all.at(-1) === 7);
  });
});
