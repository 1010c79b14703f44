import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { codeOf, MagError } from '../../../kernel/errors.ts';
import type { ExtensionId } from '../../../manifests/manifest/manifest.ts';
import { grant, type MagdsBench, migration, openMagdsBench } from './magds-bench.ts';

const NOTES: ExtensionId = 'acme/notes';
let bench: MagdsBench;

beforeAll(async () => {
  bench = await openMagdsBench();
  const { pool } = bench.database;
  await pool.query(`CREATE TABLE public.docs (tenant text, body text);
    INSERT INTO public.docs VALUES ('t_a', 'of a'), ('t_b', 'of b');
    ALTER TABLE public.docs ENABLE ROW LEVEL SECURITY;
    CREATE POLICY by_tenant ON public.docs USING (tenant = current_setting('mag.tenant', true))`);
  await pool.query('CREATE ROLE owner_of_things NOLOGIN');
  await pool.query(
    'CREATE TABLE public.things (id int, name text); ALTER TABLE public.things OWNER TO owner_of_things; GRANT CREATE ON SCHEMA public TO owner_of_things',
  );
  await bench.adapter.data.provision(NOTES);
  await bench.adapter.data.migrate(NOTES, [
    migration('0001_notes', 'CREATE TABLE notes (id serial PRIMARY KEY, title text UNIQUE)'),
  ]);
  await bench.adapter.data.syncGrants(NOTES, [grant(NOTES, 'database.read', { tables: ['public.docs'] })]);
});
afterAll(async () => {
  await bench.database.pool.query('DROP OWNED BY owner_of_things; DROP ROLE owner_of_things');
  await bench.close();
});

const query = (
  sql: string,
  ...params: Parameters<MagdsBench['query']>[2] & object
): ReturnType<MagdsBench['query']> => bench.query(NOTES, sql, params);

describe('a query', () => {
  it('returns rows as JSON', async () => {
    const { rows, rowCount } = await query(
      `SELECT true AS b, 1::int2 AS i2, 2 AS i4, 3::int8 AS i8, 9007199254740993::int8 AS big, 1.5::float8 AS f,
         'NaN'::float8 AS nan, 1.10::numeric AS n, 'x'::text AS t, NULL AS nothing, '{"a":[1,null]}'::jsonb AS j,
         timestamptz '2026-11-21 10:00:00.123456+02' AS tz, timestamp '2026-11-21 10:00:00' AS ts,
         'infinity'::timestamptz AS inf, date '2026-11-21' AS d, interval '1 day 2 hours' AS iv,
         '\\x00ff'::bytea AS bytes, ARRAY[1, NULL, 3] AS ints, ARRAY[['a', 'b"'], ['{', NULL]] AS texts,
         ARRAY[true, false] AS bools, int4range(1, 3) AS r`,
    );
    expect(rowCount).toBe(1);
    expect({ ...rows[0] }).toEqual({
      b: true,
      i2: 1,
      i4: 2,
      i8: 3,
      big: '9007199254740993',
      f: 1.5,
      nan: 'NaN',
      n: '1.10',
      t: 'x',
      nothing: null,
      j: { a: [1, null] },
      tz: '2026-11-21T08:00:00.123456Z',
      ts: '2026-11-21T10:00:00',
      inf: 'infinity',
      d: '2026-11-21',
      iv: 'P1DT2H',
      bytes: 'AP8=',
      ints: [1, null, 3],
      texts: [
        ['a', 'b"'],
        ['{', null],
      ],
      bools: [true, false],
      r: '[1,3)',
    });
  });

  it('takes parameters', async () => {
    const { rows } = await query(
      'SELECT $1::int + 1 AS a, $2::text AS b, $3::jsonb AS c, $4::text[] AS d, $5::bool AS e, $6::text AS f, $7::int[][] AS g',
      1,
      "x'; DROP TABLE notes; --",
      { k: ['v'] },
      ['a"\\', null, 'b,{}'],
      true,
      null,
      [[1], [2]],
    );
    expect({ ...rows[0] }).toEqual({
      a: 2,
      b: "x'; DROP TABLE notes; --",
      c: { k: ['v'] },
      d: ['a"\\', null, 'b,{}'],
      e: true,
      f: null,
      g: [[1], [2]],
    });
  });

  it('may name its columns as it likes', async () => {
    const { rows } = await query('SELECT 1 AS "__proto__", 2 AS "constructor", 3 AS "toString"');
    expect(JSON.stringify(rows)).toBe('[{"__proto__":1,"constructor":2,"toString":3}]');
  });

  it('counts what it changed', async () => {
    expect(await query("INSERT INTO notes (title) VALUES ('a'), ('b')")).toEqual({ rows: [], rowCount: 2 });
    const returning = await query("UPDATE notes SET title = title || '!' RETURNING title");
    expect(returning.rowCount).toBe(2);
    expect(returning.rows).toHaveLength(2);
    expect(await query('DELETE FROM notes')).toEqual({ rows: [], rowCount: 2 });
  });

  it('reads in portions', async () => {
    const { rows } = await query('SELECT i FROM generate_series(1, 2345) AS i');
    expect(rows.map((row) => row.i)).toEqual(Array.from({ length: 2345 }, (_, i) => i + 1));
  });

  it.each([
    ['SELECT 1 / 0', 'E_DB', /22012/],
    ['SELECT * FROM nothing', 'E_DB', /42P01/],
    ['SELECT * FROM public.things', 'E_DB', /42501/],
    ["SELECT 'x'::int", 'E_DB', /22P02/],
    ['SELECT $1', 'E_DB', /08P01/],
    ['SELECT * FROM mag.grants', 'E_SQL_FORBIDDEN', /mag/],
    ['SELECT (', 'E_SQL_SYNTAX', /./],
  ])('%s fails with %s', async (sql, code, message) => {
    await expect(query(sql)).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
    expect((await query('SELECT 1 AS a')).rows[0]?.a).toBe(1);
  });

  it.each([
    ['a parameter with a NUL', 'SELECT $1::text', ['\0'], 'E_DB'],
    [
      'a parameter that is too deep',
      'SELECT $1::text',
      [JSON.parse(`${'['.repeat(5_000)}${']'.repeat(5_000)}`)],
      'E_PARAMS',
    ],
  ])('%s is refused', async (_what, sql, params, code) => {
    await expect(bench.query(NOTES, sql, params)).rejects.toMatchObject({ code });
    expect((await query('SELECT 1 AS a')).rows[0]?.a).toBe(1);
  });

  it.each([[null], ['select 1'], [{}], [{ sql: 1 }], [{ sql: 'select 1', params: {} }], [[]]])(
    'with the parameters %j is refused',
    async (params) => {
      const demands = Promise.resolve().then(() => bench.adapter.demands('execute_query', params, NOTES));
      expect(await demands.then(() => 'answered', codeOf)).toBe('E_PARAMS');
    },
  );

  it('leaves nothing behind for the next one', async () => {
    await query("INSERT INTO notes (title) VALUES ('kept')");
    await expect(query("INSERT INTO notes (title) VALUES ('new'), ('kept')")).rejects.toMatchObject({
      code: 'E_DB',
    });
    expect((await query('SELECT title FROM notes')).rows.map((row) => row.title)).toEqual(['kept']);
    await query('DELETE FROM notes');
  });

  it('tells what ran', async () => {
    bench.registrar.published.length = 0;
    await bench.query(NOTES, 'SELECT 1 UNION SELECT 2', [], { tenantId: 't_a' });
    expect(bench.registrar.published).toEqual([
      {
        component: 'magds',
        event: {
          type: 'database.query.executed',
          data: { extension: NOTES, command: 'SELECT', duration_ms: expect.any(Number), rows_returned: 2 },
          context: { tenant_id: 't_a', user_id: null, trace_id: expect.any(String), env: 'test' },
        },
      },
    ]);
  });
});

describe('the tenant of a request', () => {
  const bodies = async (tenantId?: string): Promise<unknown[]> => {
    const { rows } = await bench.query(
      NOTES,
      'SELECT body FROM public.docs',
      [],
      tenantId === undefined ? {} : { tenantId },
    );
    return rows.map((row) => row.body);
  };

  it('decides which rows there are, also between calls at once', async () => {
    const wanted = Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? 't_a' : 't_b'));
    const seen = await Promise.all(wanted.map((tenant) => bodies(tenant)));
    expect(seen).toEqual(wanted.map((tenant) => [tenant === 't_a' ? 'of a' : 'of b']));
    expect(await bodies()).toEqual([]);
    expect(await bodies("'); DROP TABLE public.docs; --")).toEqual([]);
  });
});

describe('a result that is too large', () => {
  it.each([
    ['rows', 'SELECT i FROM generate_series(1, 10001) AS i'],
    ['endless rows', 'SELECT generate_series(1, 1000000000)'],
    ['JSON', "SELECT repeat('x', 1000) AS x FROM generate_series(1, 1000)"],
    ['one value', "SELECT repeat('x', 1000000) AS x"],
    ['one huge value', "SELECT repeat('x', 50000000) AS x"],
  ])('in %s is refused', async (_what, sql) => {
    await expect(query(sql)).rejects.toMatchObject({ code: 'E_LIMIT_OUTPUT' });
    expect((await query('SELECT 1 AS a')).rows[0]?.a).toBe(1);
  });

  it('takes back what the statement wrote', async () => {
    const insert =
      "INSERT INTO notes (title) SELECT i || repeat('x', 500) FROM generate_series(1, 3000) AS i RETURNING title";
    await expect(query(insert)).rejects.toMatchObject({ code: 'E_LIMIT_OUTPUT' });
    expect((await query('SELECT count(*) AS n FROM notes')).rows[0]?.n).toBe(0);
  });

  it('is none at the limit', async () => {
    expect((await query('SELECT 1 AS a FROM generate_series(1, 10000)')).rowCount).toBe(10_000);
  });
});

describe('a statement that does not end', () => {
  const endless = 'SELECT count(*) FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b';

  it('is cancelled on the server', async () => {
    await expect(query(endless)).rejects.toMatchObject({ code: 'E_DB_TIMEOUT' });
    const active = async (): Promise<number | null> => {
      const { rowCount } = await bench.database.pool.query(
        "SELECT FROM pg_stat_activity WHERE state = 'active' AND application_name = $1",
        [`magflock ${NOTES}`],
      );
      return rowCount;
    };
    await expect.poll(active).toBe(0);
  });

  it('is cancelled when its caller gives up, with the reason of the caller', async () => {
    const caller = new AbortController();
    const running = bench.query(NOTES, endless, [], { signal: caller.signal });
    setTimeout(() => caller.abort(new MagError('E_CAP_REVOKED', 'revoked')), 100);
    await expect(running).rejects.toMatchObject({ code: 'E_CAP_REVOKED' });
    expect((await query('SELECT 1 AS a')).rows[0]?.a).toBe(1);
  });

  it('is not waited for while another transaction holds what it needs', async () => {
    const holder = await bench.database.pool.connect();
    try {
      await holder.query('BEGIN; LOCK TABLE ext_acme_notes.notes');
      const waiting = query("INSERT INTO notes (title) VALUES ('waits')");
      // The server gives up first: E_DB would say that it was tried, and this that it may be tried again.
      await expect(waiting).rejects.toMatchObject({ code: 'E_DB_TIMEOUT', cause: { code: '55P03' } });
    } finally {
      await holder.query('ROLLBACK');
      holder.release();
    }
  });

  it('is not begun for a caller that has gone', async () => {
    const gone = bench.query(NOTES, 'INSERT INTO notes (title) VALUES (1)', [], {
      signal: AbortSignal.abort(),
    });
    await expect(gone).rejects.toMatchObject({ code: 'E_DB_TIMEOUT' });
    expect((await query('SELECT count(*) AS n FROM notes')).rows[0]?.n).toBe(0);
  });

  it('holds up no more than its own extension', async () => {
    await bench.adapter.data.provision('acme/calm');
    const caller = new AbortController();
    const crowd = Array.from({ length: 10 }, () =>
      bench.query(NOTES, endless, [], { signal: caller.signal }).catch(codeOf),
    );
    expect((await bench.query('acme/calm', 'SELECT 1 AS a')).rows[0]?.a).toBe(1);
    caller.abort();
    expect(new Set(await Promise.all(crowd))).toEqual(new Set(['E_DB_TIMEOUT']));
    expect((await query('SELECT 1 AS a')).rows[0]?.a).toBe(1);
  });
});

describe('a change to a table of somebody else', () => {
  it('runs with the rights of its owner, for this statement only', async () => {
    await query("ALTER TABLE public.things ADD COLUMN nick text DEFAULT lower('X')");
    await query('CREATE INDEX things_name ON public.things (lower(name))');
    await query('ALTER TABLE notes ADD COLUMN done boolean');
    const { rows } = await bench.database.pool.query(
      "SELECT pg_get_userbyid(relowner) AS owner FROM pg_class WHERE relname = 'things_name'",
    );
    expect(rows).toEqual([{ owner: 'owner_of_things' }]);
    await expect(query('SELECT * FROM public.things')).rejects.toMatchObject({ code: 'E_DB' });
  });

  it('needs the table', async () => {
    await expect(query('ALTER TABLE public.absent ADD COLUMN a int')).rejects.toMatchObject({ code: 'E_DB' });
  });
});
