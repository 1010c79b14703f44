import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Author } from '../../support/author.ts';
import { TestHost, until } from '../../support/host.ts';
import { serving } from '../../support/sources.ts';

const ID = 'acme/ledger';
const TYPE = 'acme.ledger.paid';
const TOLD = 'acme.ledger.booked';
const SCHEMA = '{ "type": "object", "required": ["n"], "properties": { "n": { "type": "integer" } } }';

/** Books each payment into a table and into its state, and tells of it. Does what `data.do` says besides. */
const LEDGER = {
  manifest: serving('ledger', ['POST /pay', 'GET /state', 'POST /set'], {
    capabilities: [
      { name: 'database.read', reason: 'Reads.' },
      { name: 'database.write', reason: 'Books.' },
      { name: 'database.schema', reason: 'Alters.', scope: { tables: ['public.foreign_table'] } },
      { name: 'api.emit_events', reason: 'Tells.' },
      { name: 'realtime.subscribe_events', reason: 'Hears of payments.' },
    ],
    contributes: {
      events: {
        subscribes: [{ type: TYPE, delivery: 'transactional' }],
        publishes: [
          { type: TYPE, schema: 'schemas/any.json' },
          { type: TOLD, schema: 'schemas/any.json' },
        ],
      },
    },
    migrations: 'migrations',
  }),
  files: {
    'schemas/any.json': SCHEMA,
    'migrations/0001_booked.up.sql': 'create table booked (n int, attempt int);',
    'migrations/0001_booked.down.sql': 'drop table booked;',
  },
  code: `
  const attempts = new Map();
  export default {
    endpoints: {
      'POST /pay': async (request, ctx) => ({ body: await ctx.events.publish('${TYPE}', request.body) }),
      'GET /state': async (_request, ctx) => ({ body: await ctx.state.list() }),
      'POST /set': async (request, ctx) => ({ body: await ctx.state.set(request.body.key, request.body.value) }),
    },
    events: { '${TYPE}': async (event, ctx) => {
      const { n, act } = event.data;
      const attempt = (attempts.get(n) ?? 0) + 1;
      attempts.set(n, attempt);
      if (act === 'nothing') return;
      await ctx.db.query('insert into booked values ($1, $2)', [n, attempt]);
      const { value, version } = await ctx.state.getVersioned('sum');
      const swapped = await ctx.state.compareAndSet('sum', (value ?? 0) + n, version);
      await ctx.state.set('last', n);
      await ctx.state.set('gone', n);
      await ctx.state.delete('gone');
      const published = await ctx.events.publish('${TOLD}', { n });
      if (act === 'throw' && attempt < 3) throw new Error('not yet');
      if (act === 'break') await ctx.db.query('select 1 / 0').catch(() => undefined);
      if (act === 'look') {
        const codes = [];
        for (const use of [() => ctx.db.transaction(async () => undefined), () => ctx.db.query('alter table public.foreign_table add column x int')])
          codes.push(await use().then(() => 'done', (error) => error.code));
        const rows = (await ctx.db.query('select n from booked where n = $1', [n])).rows;
        ctx.log.info('looked', { rows, swapped, published: published.sequence, codes, keys: (await ctx.state.list()).map(({ key }) => key), sum: await ctx.state.get('sum') });
      }
    } },
  };`,
};

describe('a transactional subscription', () => {
  let host: TestHost;
  let author: Author;

  beforeAll(async () => {
    [host, author] = await Promise.all([TestHost.start(), Author.create('acme')]);
    await host.database.pool.query('CREATE TABLE public.foreign_table (id int)');
    await host.trust(author);
    await host.run(await author.publish(LEDGER));
  });
  afterAll(async () => {
    await host[Symbol.asyncDispose]();
    await author[Symbol.asyncDispose]();
  });

  const pay = async (n: number, act?: string) =>
    (await host.ask('POST', `/x/${ID}/pay`, { body: { n, act } })).body;
  const rowsOf = async (sql: string, values: unknown[] = []) =>
    (await host.database.pool.query(sql, values)).rows;
  const booked = () => rowsOf('SELECT n, attempt FROM ext_acme_ledger.booked ORDER BY n, attempt');
  const state = async () => {
    const rows = await rowsOf('SELECT key, value FROM mag.state WHERE extension = $1 ORDER BY key', [ID]);
    return Object.fromEntries(rows.map(({ key, value }) => [key, value]));
  };
  const told = async () =>
    (await host.ask('GET', `/v1/events?type=${TOLD}&limit=100`)).body.events
      .map(({ data }: { data: { n: number } }) => data.n)
      .reverse();
  const place = async () =>
    Number(
      (
        await rowsOf(
          "SELECT sequence FROM mag.subscription_cursors WHERE extension = $1 AND component = 'extension'",
          [ID],
        )
      )[0]?.sequence ?? 0,
    );
  const settled = () =>
    until(
      async () => (await host.ask('GET', '/v1/subscriptions')).body.subscriptions[0],
      ({ lag }) => lag === 0,
    );

  it('commits tables, state, published events and its place together', async () => {
    const { sequence } = await pay(1, 'look');
    await until(told, ({ length }) => length === 1);
    expect(await booked()).toEqual([{ n: 1, attempt: 1 }]);
    expect(await state()).toEqual({ last: 1, sum: 1 });
    expect(await place()).toBeGreaterThanOrEqual(sequence);
    const logs = async () => (await host.ask('GET', `/v1/extensions/${ID}/logs`)).body.lines;
    const lines = await until(logs, (all) => all?.length > 0);
    expect(lines.at(-1).fields).toEqual({
      rows: [{ n: 1 }],
      swapped: { swapped: true, version: 1 },
      published: null,
      codes: ['E_PARAMS', 'E_SQL_FORBIDDEN'],
      keys: ['last', 'sum'],
      sum: 1,
    });
  });

  it('rolls back all of it when the handler throws, and does it once when it is tried again', async () => {
    await pay(2, 'throw');
    await until(told, ({ length }) => length === 2);
    expect(await booked()).toEqual([
      { n: 1, attempt: 1 },
      { n: 2, attempt: 3 },
    ]);
    expect(await state()).toEqual({ last: 2, sum: 3 });
    expect(await told()).toEqual([1, 2]);
  });

  it('takes a statement that failed for a failure, whoever caught it', async () => {
    const letters = async () => (await host.ask('GET', '/v1/dead-letters')).body.deadLetters;
    const counts = async () => (await host.ask('GET', '/v1/subscriptions')).body.subscriptions[0].sinceStart;
    const { retries } = await counts();
    await pay(4, 'break');
    await until(counts, (now) => now.retries > retries);
    expect((await booked()).filter(({ n }) => n === 4)).toEqual([]);
    expect((await state()).sum).toBe(3);
    expect(await letters()).toEqual([]);
    // Eight attempts take a while: disabled and enabled again it is tried from its place on, so it is skipped here.
    await host.operate(ID, 'disable');
    await host.database.pool.query(
      `UPDATE mag.subscription_cursors SET sequence = (SELECT sequence FROM mag.event_heads WHERE component = 'extension')
       WHERE extension = $1 AND component = 'extension'`,
      [ID],
    );
    await host.operate(ID, 'enable');
    await settled();
  });

  it('is not handed what it has handled, wherever the host believes it is', async () => {
    // As after a crash between the commit and whatever the host would do then.
    const before = await place();
    await pay(8);
    await until(told, (all) => all.includes(8));
    await settled();
    await host.shutdown();
    expect(await place()).toBeGreaterThan(before);
    await host.boot();
    await pay(16);
    await until(told, (all) => all.includes(16));
    expect((await booked()).filter(({ n }) => n >= 8).map(({ n }) => n)).toEqual([8, 16]);
    expect((await state()).sum).toBe(27);
  });

  it('does nothing twice for an event that another delivery has taken meanwhile', async () => {
    // The event is in the log before its place is: the other host took it between reading and handling.
    await settled(); // else the host would wait for its place, and come to no event
    const at = await place();
    const client = await host.database.pool.connect();
    await client.query('BEGIN');
    await client.query(
      `SELECT FROM mag.subscription_cursors WHERE extension = $1 AND component = 'extension' FOR UPDATE`,
      [ID],
    );
    const { sequence } = await pay(32);
    await client.query(
      `UPDATE mag.subscription_cursors SET sequence = $2 WHERE extension = $1 AND component = 'extension'`,
      [ID, sequence],
    );
    const waiting = () =>
      rowsOf(
        "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND usename LIKE 'ext_acme_ledger%'",
      );
    await until(waiting, ({ length }) => length === 1);
    await client.query('COMMIT');
    client.release();
    expect(sequence).toBeGreaterThan(at);
    await settled();
    expect((await booked()).filter(({ n }) => n === 32)).toEqual([]);
    expect((await state()).sum).toBe(27);
    expect((await host.ask('GET', '/v1/subscriptions')).body.subscriptions[0].deadLetters).toBe(0);
  });

  it('needs no transaction for a handler without effects, and moves on', async () => {
    await pay(64, 'nothing');
    await settled();
    expect((await state()).sum).toBe(27);
  });

  it('replays with its effects, each in a transaction, and leaves the place where it is', async () => {
    const at = await place();
    const [subscription] = (await host.ask('GET', '/v1/subscriptions')).body.subscriptions;
    const events = (await host.ask('GET', `/v1/events?type=${TYPE}&limit=100`)).body.events;
    const { sequence } = events.find(({ data }: { data: { n: number } }) => data.n === 16);
    const asked = await host.ask('POST', `/v1/subscriptions/${subscription.id}/replay`, {
      body: { sequence },
    });
    expect(asked.status).toBe(202);
    await until(state, ({ sum }) => sum === 27 + 16 + 32); // 64 does nothing
    expect((await booked()).filter(({ n }) => n >= 16).map(({ n }) => n)).toEqual([16, 16, 32]);
    expect(await place()).toBeGreaterThanOrEqual(at);
  });

  it('keeps to the quota of state inside, and outside on connections of its own', async () => {
    const write = async () =>
      (await host.ask('POST', `/x/${ID}/set`, { body: { key: 'mine', value: 1 } })).body;
    expect(await write()).toEqual({ version: 1 });
    await host.database.pool.query('UPDATE mag.state_usage SET bytes = 67108864 WHERE extension = $1', [ID]);
    expect((await host.ask('POST', `/x/${ID}/set`, { body: { key: 'more', value: 1 } })).body.code).toBe(
      'E_STATE_QUOTA',
    );
    await host.database.pool.query(
      `UPDATE mag.state_usage SET bytes = (SELECT sum(size) FROM mag.state WHERE extension = $1) WHERE extension = $1`,
      [ID],
    );
    expect(await write()).toEqual({ version: 2 });
    expect((await host.ask('GET', `/x/${ID}/state`)).body).toContainEqual({
      key: 'mine',
      value: 1,
      version: 2,
    });
  });
});
