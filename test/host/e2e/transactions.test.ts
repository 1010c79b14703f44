import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Author } from '../../support/author.ts';
import { TestHost, until } from '../../support/host.ts';
import { serving } from '../../support/sources.ts';
import { uuidV7 } from '../../support/uuid-v7.ts';

const ID = 'acme/bank';
const TYPE = 'acme.bank.paid';
const TABLE = 'ext_acme_bank.payments';

const PATHS = ['run', 'leave', 'hold', 'lend', 'held', 'let-go', 'borrow', 'many', 'background'];

const BANK = {
  manifest: serving(
    'bank',
    PATHS.map((path) => `POST /${path}`),
    {
      capabilities: [
        { name: 'database.read', reason: 'Reads.' },
        { name: 'database.write', reason: 'Writes.' },
        { name: 'database.schema', reason: 'Alters.', scope: { tables: ['public.foreign_table'] } },
        { name: 'api.emit_events', reason: 'Tells.' },
      ],
      contributes: { events: { publishes: [{ type: TYPE, schema: 'schemas/paid.json' }] } },
      migrations: 'migrations',
      limits: { wallMs: 20_000 },
    },
  ),
  files: {
    'schemas/paid.json':
      '{ "type": "object", "required": ["n"], "properties": { "n": { "type": "integer" } } }',
    'migrations/0001_payments.up.sql':
      'create table payments (n int primary key); create table strict (n int references payments deferrable initially deferred);',
    'migrations/0001_payments.down.sql': 'drop table strict; drop table payments;',
  },
  code: `
  let lent;
  const held = [];
  const untilLetGo = () => new Promise((resolve) => { held.push(resolve); });
  const coded = (error) => ({ status: 409, body: { code: error.code ?? error.name, message: error.message } });
  export default { endpoints: {
    // Statements in one transaction; 'publish <n>', 'outside <sql>', 'nested', 'parallel' and 'throw' mean that.
    'POST /run': async (request, ctx) => {
      const rows = [];
      try {
        await ctx.db.transaction(async (tx) => {
          for (const step of request.body) {
            const [word, rest] = [step.split(' ')[0], step.slice(step.indexOf(' ') + 1)];
            if (word === 'throw') throw new Error('changed my mind');
            else if (word === 'publish') rows.push(await ctx.events.publishInTransaction(tx, '${TYPE}', { n: JSON.parse(rest) }));
            else if (word === 'publish-as') rows.push(await ctx.events.publishInTransaction(tx, '${TYPE}', { n: 1 }, { eventId: rest }));
            else if (word === 'publish-type') await ctx.events.publishInTransaction(tx, rest, { n: 1 });
            else if (word === 'outside') rows.push((await ctx.db.query(rest)).rows);
            else if (word === 'one') rows.push(await tx.queryOne(rest));
            else if (word === 'nested') await ctx.db.transaction(async () => undefined);
            else if (word === 'try') rows.push(await tx.query(rest).then(({ rows }) => rows, (error) => error.code));
            else rows.push((await tx.query(step)).rows);
          }
        });
        return { body: rows };
      } catch (error) { return coded(error); }
    },
    'POST /leave': async (_request, ctx) => {
      await new Promise((resolve) => void ctx.db.transaction(async (tx) => {
        await tx.query('insert into payments values (1000)');
        resolve();
        await new Promise(() => undefined);
      }));
      return { body: 'left' };
    },
    'POST /hold': async (_request, ctx) => {
      await ctx.db.transaction(async (tx) => {
        await tx.query('insert into payments values (2000)');
        await untilLetGo();
      });
      return { body: 'held' };
    },
    'POST /lend': async (_request, ctx) => {
      await ctx.db.transaction(async (tx) => { lent = tx; await untilLetGo(); });
      return { body: 'lent' };
    },
    'POST /held': () => ({ body: held.length }),
    'POST /let-go': () => { for (const goOn of held.splice(0)) goOn(); return { status: 204 }; },
    'POST /borrow': async (_request, ctx) => {
      const codes = [];
      for (const use of [() => lent.query('select 1'), () => ctx.events.publishInTransaction(lent, '${TYPE}', { n: 1 }), () => ctx.events.publishInTransaction({ id: 'x' }, '${TYPE}', { n: 1 })])
        codes.push(await use().then(() => 'done', (error) => error.code ?? error.name));
      return { body: codes };
    },
    'POST /many': async (_request, ctx) => {
      const two = [1, 2].map(() => ctx.db.transaction((tx) => tx.queryOne('select 1 as one')).then(() => 'done', (error) => error.code));
      return { body: await Promise.all(two) };
    },
    'POST /background': async (_request, ctx) => {
      try { return { body: await ctx.db.transaction('no function') }; } catch (error) { return coded(error); }
    },
  } };`,
};

describe('ctx.db.transaction', () => {
  let host: TestHost;
  let author: Author;

  beforeAll(async () => {
    [host, author] = await Promise.all([TestHost.start(), Author.create('acme')]);
    await host.database.pool.query('CREATE TABLE public.foreign_table (id int)');
    await host.trust(author);
    await host.run(await author.publish(BANK));
  });
  afterAll(async () => {
    await host[Symbol.asyncDispose]();
    await author[Symbol.asyncDispose]();
  });

  const ask = (path: string, body: unknown = {}) => host.ask('POST', `/x/${ID}/${path}`, { body });
  const run = async (...steps: string[]) => (await ask('run', steps)).body;
  const holding = async () => (await ask('held')).body;
  const payments = async () =>
    (await host.database.pool.query(`SELECT n FROM ${TABLE} ORDER BY n`)).rows.map(({ n }) => n);
  const openTransactions = async () =>
    (
      await host.database.pool.query(
        `SELECT count(*)::int AS n FROM pg_stat_activity JOIN mag.extension_roles ON role = usename
         WHERE extension_id = $1 AND state LIKE 'idle in transaction%'`,
        [ID],
      )
    ).rows[0].n;
  const published = async () =>
    (await host.ask('GET', `/v1/events?type=${TYPE}&limit=100`)).body.events.map(
      ({ data }: { data: { n: number } }) => data.n,
    );

  it('commits what its callback did, and shows it to nobody before', async () => {
    const seen = await run(
      'insert into payments values (1)',
      'insert into payments values (2)',
      'select n from payments order by n',
      'outside select count(*)::int as n from payments',
      'one select max(n) as max from payments',
    );
    expect(seen).toEqual([[], [], [{ n: 1 }, { n: 2 }], [{ n: 0 }], { max: 2 }]);
    expect(await payments()).toEqual([1, 2]);
  });

  it('rolls back what throws, and the error goes on', async () => {
    expect(await run('insert into payments values (3)', 'throw')).toMatchObject({
      message: 'changed my mind',
    });
    expect(await payments()).toEqual([1, 2]);
  });

  it('keeps nothing after a statement that failed, even when that was caught', async () => {
    const failed = await run('insert into payments values (4)', 'insert into payments values (4)');
    expect(failed).toMatchObject({ code: 'E_DB', message: expect.stringContaining('23505') });
    const caught = await run('insert into payments values (4)', 'try insert into payments values (4)');
    expect(caught).toMatchObject({ code: 'E_DB', message: expect.stringContaining('25P02') });
    expect(await run('insert into strict values (77)')).toMatchObject({
      code: 'E_DB',
      message: expect.stringContaining('23503'), // found at the commit
    });
    expect(await payments()).toEqual([1, 2]);
    expect(await openTransactions()).toBe(0);
  });

  it('leaves its beginning and end to the host', async () => {
    for (const sql of [
      'begin',
      'commit',
      'rollback',
      'savepoint a',
      'set transaction isolation level serializable',
      'set local role postgres',
      "prepare transaction 'x'",
      'commit; insert into payments values (5)',
      "select mag_ext.publish('{}')",
    ])
      expect(await run('insert into payments values (5)', sql)).toMatchObject({ code: 'E_SQL_FORBIDDEN' });
    expect(await run('alter table public.foreign_table add column x int')).toMatchObject({
      code: 'E_SQL_FORBIDDEN',
    });
    expect(await payments()).toEqual([1, 2]);
  });

  it('asks for every capability in it', async () => {
    expect(await run('select * from public.secrets')).not.toMatchObject({ code: undefined });
    const revoked = host.ask('DELETE', `/v1/extensions/${ID}/grants/database.write`);
    expect((await revoked).status).toBeLessThan(300);
    expect(await run('insert into payments values (6)')).toMatchObject({ code: 'E_CAP_REVOKED' });
    expect(
      (await host.ask('PUT', `/v1/extensions/${ID}/grants/database.write`, { body: {} })).status,
    ).toBeLessThan(300);
    expect(await payments()).toEqual([1, 2]);
  });

  it('that wrote on a right revoked since does not commit', async () => {
    const held = ask('hold');
    await until(holding, (n) => n === 1);
    await host.ask('DELETE', `/v1/extensions/${ID}/grants/database.write`);
    await ask('let-go');
    expect((await held).body).toMatchObject({ code: 'E_CAP_REVOKED' });
    await host.ask('PUT', `/v1/extensions/${ID}/grants/database.write`, { body: {} });
    expect(await payments()).toEqual([1, 2]);
  });

  it('is one at a time in a call', async () => {
    expect(await run('nested')).toMatchObject({ code: 'E_PARAMS' });
    expect((await ask('many')).body.sort()).toEqual(['E_PARAMS', 'done']);
    expect((await ask('background')).body).toMatchObject({ code: 'TypeError' });
  });

  it('ends with its call', async () => {
    expect((await ask('leave')).body).toBe('left');
    await until(openTransactions, (n) => n === 0);
    expect(await payments()).toEqual([1, 2]);
  });

  it('ends when the call runs over its time', async () => {
    const version = { ...BANK, manifest: { ...BANK.manifest, name: 'slowbank', limits: { wallMs: 2_000 } } };
    const own = { ...version.manifest, contributes: { endpoints: [{ method: 'POST', path: '/hold' }] } };
    await host.run(await author.publish({ ...version, manifest: own }));
    const late = await host.ask('POST', '/x/acme/slowbank/hold', { body: {} });
    expect(late.body.code).toBe('E_LIMIT_WALL');
    const rows = async () =>
      (
        await host.database.pool.query(
          `SELECT count(*)::int AS n FROM pg_stat_activity WHERE usename LIKE 'ext_acme_slowbank%' AND state LIKE 'idle in%'`,
        )
      ).rows[0].n;
    await until(rows, (n) => n === 0);
    const { rows: kept } = await host.database.pool.query('SELECT n FROM ext_acme_slowbank.payments');
    expect(kept).toEqual([]);
  });

  it('takes so many connections and no more; who comes later waits, and may wait in vain', async () => {
    const holds = [1, 2, 3].map(() => ask('lend'));
    await until(holding, (n) => n === 3);
    expect(await run('select 1 as one')).toMatchObject({ code: 'E_DB_TIMEOUT' });
    await ask('let-go');
    expect((await Promise.all(holds)).map(({ body }) => body)).toEqual(Array(3).fill('lent'));
    expect(await run('select 1 as one')).toEqual([[{ one: 1 }]]);
  });

  it('belongs to the call that opened it, whoever holds it', async () => {
    const lending = ask('lend');
    await until(holding, (n) => n === 1);
    // The statement is one of the lending call; the event is published by this one.
    expect((await ask('borrow')).body).toEqual(['done', 'E_PARAMS', 'TypeError']);
    await ask('let-go');
    await lending;
    expect((await ask('borrow')).body).toEqual(['E_LIMIT_WALL', 'E_PARAMS', 'TypeError']);
  });

  describe('ctx.events.publishInTransaction', () => {
    it('publishes after the commit, in order', async () => {
      const [one] = await run('publish 1', 'publish 2', 'insert into payments values (10)', 'publish 3');
      expect(one).toEqual({ eventId: expect.any(String) });
      expect(await until(published, ({ length }) => length === 3)).toEqual([3, 2, 1]);
      const { body } = await host.ask('GET', `/v1/events?type=${TYPE}&limit=1`);
      expect(body.events[0]).toMatchObject({
        source: { component: 'extension', extension: ID },
        context: { tenant_id: expect.any(String) },
      });
      const { rows } = await host.database.pool.query('SELECT count(*)::int AS n FROM mag.outbox');
      expect(rows).toEqual([{ n: 0 }]);
    });

    it('publishes nothing that was rolled back', async () => {
      await run('publish 4', 'throw');
      await run('publish 5', 'insert into payments values (10)');
      await run('publish 6');
      expect(await until(published, (all) => all.includes(6))).toEqual([6, 3, 2, 1]);
    });

    it('publishes an id once', async () => {
      const id = uuidV7();
      await run(`publish-as ${id}`);
      await run(`publish-as ${id}`, 'publish 7');
      expect(await until(published, (all) => all.includes(7))).toEqual([7, 1, 6, 3, 2, 1]);
    });

    it('refuses what publish refuses, at once', async () => {
      expect(await run('publish "x"')).toMatchObject({ code: 'E_EVENT_SCHEMA' });
      expect(await run('publish-as 00000000-0000-4000-8000-000000000000')).toMatchObject({
        code: 'E_EVENT_SCHEMA',
      });
      expect(await run('publish-type acme.other.paid')).toMatchObject({ code: 'E_EVENT_NAMESPACE' });
    });
  });
});
