import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { outboxLock } from '../../host/storage/advisory-locks.ts';
import { Author } from '../support/author.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { until } from '../support/host.ts';
import { serving } from '../support/sources.ts';
import { uuidV7 } from '../support/uuid-v7.ts';
import { ChaosHost } from './world/chaos-host.ts';
import { PostgresProxy } from './world/postgres-proxy.ts';
import { random } from './world/seed.ts';

const ID = 'acme/ledger';
const PAID = 'acme.ledger.paid';
const TOLD = 'acme.ledger.booked';
/** `npm run test:chaos` kills behind each write, `npm test` behind every tenth, from a random one on. */
const EVERY = process.env.MAG_CHAOS === 'full' ? 1 : 10;
/** What writes without saying so. */
const FUNCTIONS = /mag_ext\.(publish|put_state|take_event)|mag\.append_events/;
const LONG_MS = 15 * 60_000;

const LEDGER = {
  manifest: serving('ledger', ['POST /pay', 'POST /tell'], {
    capabilities: [
      { name: 'database.read', reason: 'Reads.' },
      { name: 'database.write', reason: 'Books.' },
      { name: 'api.emit_events', reason: 'Tells.' },
      { name: 'realtime.subscribe_events', reason: 'Hears of payments.' },
    ],
    contributes: {
      endpoints: ['/pay', '/tell'].map((path) => ({ method: 'POST', path })),
      events: {
        subscribes: [{ type: PAID, delivery: 'transactional' }],
        publishes: [PAID, TOLD].map((type) => ({ type, schema: 'schemas/any.json' })),
      },
    },
    migrations: 'migrations',
  }),
  files: {
    'schemas/any.json': '{ "type": "object", "properties": { "n": { "type": "integer" } } }',
    'migrations/0001_booked.up.sql': 'create table booked (n int);',
    'migrations/0001_booked.down.sql': 'drop table booked;',
  },
  code: `export default {
    endpoints: {
      'POST /pay': async (request, ctx) => {
        const { n, eventId } = request.body;
        return { body: await ctx.events.publish('${PAID}', { n }, { eventId }) };
      },
      'POST /tell': async (request, ctx) => {
        await ctx.db.transaction(async (tx) => {
          await tx.query('insert into booked values ($1)', [request.body.n]);
          await ctx.events.publishInTransaction(tx, '${TOLD}', { n: request.body.n });
        });
        return { status: 204 };
      },
    },
    events: { '${PAID}': async (event, ctx) => {
      const { n } = event.data;
      await ctx.db.query('insert into booked values ($1)', [n]);
      await ctx.state.set('sum', ((await ctx.state.get('sum')) ?? 0) + n);
      await ctx.events.publish('${TOLD}', { n });
    } },
  };`,
};

describe('effects of events and of transactions', () => {
  let author: Author;
  let database: TestDatabase;

  beforeAll(async () => {
    author = await Author.create('acme');
  });
  afterAll(() => author[Symbol.asyncDispose]());
  beforeEach(async () => {
    database = await createTestDatabase();
  });
  afterEach(() => database.drop());

  const open = async (url: string): Promise<ChaosHost> => {
    const host = await ChaosHost.start({ DATABASE_URL: url });
    await host.trust(author);
    await host.stage(await author.publish(LEDGER));
    await host.operate(ID, 'install', { version: '1.0.0', approve: 'all' });
    await host.operate(ID, 'enable');
    return host;
  };
  /** Everything there is to see of what was done: each list sorted. */
  const effects = async () => {
    const { rows } = await database.pool.query(
      `SELECT (SELECT coalesce(json_agg(n ORDER BY n), '[]') FROM ext_acme_ledger.booked) AS booked,
         (SELECT coalesce(json_agg((data->>'n')::int ORDER BY (data->>'n')::int), '[]') FROM mag.events
           WHERE event_type = $1) AS told,
         (SELECT value FROM mag.state WHERE extension = $2 AND key = 'sum') AS sum,
         (SELECT count(*)::int FROM mag.outbox) AS waiting,
         (SELECT count(*)::int FROM mag.dead_letters) AS letters`,
      [TOLD, ID],
    );
    return rows[0] as {
      booked: number[];
      told: number[];
      sum: number | null;
      waiting: number;
      letters: number;
    };
  };

  it(
    'happen once, behind whichever write the host is killed',
    async () => {
      await using proxy = await PostgresProxy.open(database.url);
      await using host = await open(proxy.url);
      const expected: number[] = [];
      const killedBehind = new Map<string, number>();
      for (let write = 1 + Math.floor(random('transactional')() * EVERY); ; write += EVERY) {
        const round = [1, 2, 3].map((i) => ({ n: expected.length + i, eventId: uuidV7() }));
        expected.push(...round.map(({ n }) => n));
        const { child } = host.process;
        proxy.arm(write, () => child.kill('SIGKILL'), FUNCTIONS);
        const handled = { booked: expected, told: expected, sum: sumOf(expected), waiting: 0, letters: 0 };
        const isThrough = async () => {
          const { told, waiting } = await effects();
          return told.length >= expected.length && waiting === 0;
        };
        // Published until it is acknowledged: an id that is in the log already is not written again.
        for (const payment of round) {
          while ((await pay(host, payment)) !== 200) await rebootIfKilled(host);
        }
        await until(async () => (await rebootIfKilled(host)) || (await isThrough()), Boolean).catch(
          () => undefined,
        );
        proxy.disarm();
        await rebootIfKilled(host);
        const wasKilled = proxy.writes.length >= write;
        const last = proxy.writes.at(-1) ?? '';
        const seen = await until(
          effects,
          ({ told, waiting }) => told.length >= expected.length && waiting === 0,
        );
        expect({ behind: last, ...seen }).toEqual({ behind: last, ...handled });
        if (!wasKilled) break;
        killedBehind.set(last, (killedBehind.get(last) ?? 0) + 1);
      }
      process.stdout.write(
        `chaos: transactional events: ${expected.length} events, killed ${sumOf([...killedBehind.values()])} times\n`,
      );
      expect(sumOf([...killedBehind.values()])).toBeGreaterThanOrEqual(Math.floor(20 / EVERY));
    },
    LONG_MS,
  );

  it(
    'an event that was committed and not yet published outlives the host',
    async () => {
      await using host = await open(database.url);
      const before = await effects();
      const relay = await database.pool.connect();
      try {
        await relay.query('SELECT pg_advisory_lock($1)', [outboxLock(ID)]); // nobody publishes meanwhile
        expect((await host.ask('POST', `/x/${ID}/tell`, { n: 4_711 })).status).toBe(204);
        await host.process.kill('SIGKILL');
        expect(await effects()).toMatchObject({ told: before.told, waiting: 1 });
      } finally {
        await relay.query('SELECT pg_advisory_unlock_all()');
        relay.release();
      }
      await host.boot();
      const after = await until(effects, ({ waiting }) => waiting === 0);
      expect(after).toMatchObject({
        booked: [...before.booked, 4_711],
        told: [...before.told, 4_711],
      });
    },
    LONG_MS,
  );
});

/** @returns the status; 0 when the host is gone */
async function pay(host: ChaosHost, payment: { n: number; eventId: string }): Promise<number> {
  return host.ask('POST', `/x/${ID}/pay`, payment).then(
    ({ status }) => status,
    () => 0,
  );
}

/** @returns whether it had been killed */
async function rebootIfKilled(host: ChaosHost): Promise<boolean> {
  const { child, ended } = host.process;
  if (!child.killed && child.signalCode === null) return false;
  await ended;
  await host.boot();
  return true;
}

function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, n) => sum + n, 0);
}
