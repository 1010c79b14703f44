import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { schemaName } from '../../../adapters/magds/names.ts';
import type { ExtensionId } from '../../../manifests/manifest/manifest.ts';
import { type MagdsBench, migration, openMagdsBench } from './magds-bench.ts';

let bench: MagdsBench;
let count = 0;

beforeAll(async () => {
  bench = await openMagdsBench();
  await bench.database.pool.query('CREATE TABLE public.users (id int PRIMARY KEY)');
});
afterAll(() => bench.close());

/** An extension of its own for each test. */
async function provisioned(): Promise<ExtensionId> {
  count += 1;
  const extension: ExtensionId = `acme/m${count}`;
  await bench.adapter.data.provision(extension);
  return extension;
}

async function tables(extension: ExtensionId): Promise<string[]> {
  const { rows } = await bench.database.pool.query<{ name: string }>(
    "SELECT relname AS name FROM pg_class WHERE relnamespace = to_regnamespace($1) AND relkind = 'r' ORDER BY 1",
    [schemaName(extension)],
  );
  return rows.map(({ name }) => name);
}

async function records(extension: ExtensionId): Promise<string[]> {
  const { rows } = await bench.database.pool.query<{ name: string; state: string }>(
    'SELECT name, state FROM mag.extension_migrations WHERE extension_id = $1 ORDER BY name',
    [extension],
  );
  return rows.map(({ name, state }) => `${name} ${state}`);
}

const A = migration('0001_a', 'CREATE TABLE a (id int)', 'DROP TABLE a');
const B = migration('0002_b', 'CREATE TABLE b (id int); INSERT INTO b VALUES (1)', 'DROP TABLE b');

describe('migrations', () => {
  it('run once, in the order of their names, as the role in its schema', async () => {
    const { data } = bench.adapter;
    const extension = await provisioned();
    bench.registrar.published.length = 0;
    expect(await data.migrate(extension, [B, A])).toEqual(['0001_a', '0002_b']);
    expect(await data.migrate(extension, [A, B])).toEqual([]);
    expect(await tables(extension)).toEqual(['a', 'b']);
    expect(await records(extension)).toEqual(['0001_a applied', '0002_b applied']);
    expect(bench.registrar.published.map(({ event }) => event.data)).toEqual([
      { extension, migration: '0001_a', direction: 'up' },
      { extension, migration: '0002_b', direction: 'up' },
    ]);
    const { rows } = await bench.database.pool.query(
      'SELECT r.rolcanlogin AND NOT r.rolsuper AS ok FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner WHERE c.relnamespace = to_regnamespace($1)',
      [schemaName(extension)],
    );
    expect(rows).toEqual([{ ok: true }, { ok: true }]);
  });

  it('are undone together when one fails half-way', async () => {
    const { data } = bench.adapter;
    const extension = await provisioned();
    const broken = migration('0002_broken', 'CREATE TABLE c (id int); SELECT 1/0');
    const failed = data.migrate(extension, [A, broken]);
    await expect(failed).rejects.toMatchObject({
      code: 'E_MIGRATION',
      message: expect.stringMatching(/0002_broken.*22012/),
    });
    expect(await tables(extension)).toEqual([]);
    expect(await records(extension)).toEqual([]);
    expect(await data.migrate(extension, [A])).toEqual(['0001_a']);
  });

  it('are undone when only the commit fails', async () => {
    const extension = await provisioned();
    const deferred = migration(
      '0001_deferred',
      `CREATE TABLE p (id int PRIMARY KEY);
       CREATE TABLE c (p int REFERENCES p (id) DEFERRABLE INITIALLY DEFERRED); INSERT INTO c VALUES (1)`,
    );
    await expect(bench.adapter.data.migrate(extension, [deferred])).rejects.toMatchObject({
      code: 'E_MIGRATION',
    });
    expect(await tables(extension)).toEqual([]);
    expect(await records(extension)).toEqual([]);
  });

  it('may not change after they ran', async () => {
    const { data } = bench.adapter;
    const extension = await provisioned();
    await data.migrate(extension, [A]);
    const changed = { ...A, up: `${A.up} ` };
    await expect(data.migrate(extension, [changed, B])).rejects.toMatchObject({
      code: 'E_MIGRATION_CHANGED',
    });
    expect(await tables(extension)).toEqual(['a']);
  });

  it('are reversed newest first', async () => {
    const { data } = bench.adapter;
    const extension = await provisioned();
    await data.migrate(extension, [A, B]);
    expect(await data.unmigrate(extension, [A, B])).toEqual(['0002_b', '0001_a']);
    expect(await tables(extension)).toEqual([]);
    expect(await records(extension)).toEqual([]);
    expect(await data.unmigrate(extension, [A, B])).toEqual([]);
  });

  it('stay when one of them cannot be reversed', async () => {
    const { data } = bench.adapter;
    const extension = await provisioned();
    const bad = migration('0002_bad', 'CREATE TABLE b (id int)', 'DROP TABLE nothing');
    await data.migrate(extension, [A, bad]);
    await expect(data.unmigrate(extension, [A, bad])).rejects.toMatchObject({ code: 'E_MIGRATION' });
    await expect(data.unmigrate(extension, [{ ...A, down: null }, bad])).rejects.toMatchObject({
      code: 'E_MIGRATION',
    });
    expect(await tables(extension)).toEqual(['a', 'b']);
    expect(await records(extension)).toEqual(['0001_a applied', '0002_bad applied']);
  });

  it('of two hosts run once', async () => {
    const { data } = bench.adapter;
    const extension = await provisioned();
    const ran = await Promise.all([data.migrate(extension, [A, B]), data.migrate(extension, [A, B])]);
    expect(ran.flat()).toEqual(['0001_a', '0002_b']);
  });

  it('need a schema', async () => {
    await expect(bench.adapter.data.migrate('acme/absent', [A])).rejects.toMatchObject({
      code: 'E_MIGRATION',
    });
  });
});

describe('a host that died between the commit of a migration and its record', () => {
  /** What it leaves behind: the row, and a transaction of the role that ended one way or the other. */
  async function leftOpen(
    extension: ExtensionId,
    state: 'up' | 'down',
    end: 'COMMIT' | 'ROLLBACK',
  ): Promise<void> {
    const session = await bench.connectAs(extension);
    await session.query('BEGIN');
    const { rows } = await session.query<{ id: string }>('SELECT pg_current_xact_id()::text AS id');
    await bench.database.pool.query(
      'UPDATE mag.extension_migrations SET state = $2, transaction_id = $3::xid8 WHERE extension_id = $1',
      [extension, state, rows[0]?.id],
    );
    await session.query(end);
    await session.end();
  }

  it.each([
    ['up', 'COMMIT', ['0001_a applied']],
    ['up', 'ROLLBACK', []],
    ['down', 'COMMIT', []],
    ['down', 'ROLLBACK', ['0001_a applied']],
  ] as const)('%s, %s', async (state, end, expected) => {
    const extension = await provisioned();
    await bench.adapter.data.migrate(extension, [A]);
    await leftOpen(extension, state, end);
    await bench.adapter.data.migrate(extension, []);
    expect(await records(extension)).toEqual(expected);
  });
});

describe('the text of a migration', () => {
  it.each([
    `CREATE TABLE t (id bigserial PRIMARY KEY, at timestamptz NOT NULL DEFAULT now(), u uuid DEFAULT gen_random_uuid(),
       tenant text DEFAULT current_setting('mag.tenant', true), n int CHECK (n > 0), UNIQUE (u, n));
     CREATE INDEX ON t (lower(tenant)); COMMENT ON TABLE t IS 'x';
     INSERT INTO t (n) SELECT generate_series(1, 3); ALTER TABLE t ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
     CREATE POLICY p ON t USING (tenant = current_setting('mag.tenant', true))`,
    `CREATE TYPE s AS ENUM ('a'); CREATE TYPE c AS (a int, b s); CREATE DOMAIN d AS int CHECK (VALUE > 1); CREATE SEQUENCE q;
     CREATE TABLE t (a s, b c, e d, f int DEFAULT nextval('q')); ALTER TABLE t RENAME TO u; DROP TABLE u; DROP TYPE c`,
    `CREATE TABLE t (a int, b int GENERATED ALWAYS AS (a * 2) STORED) PARTITION BY RANGE (a);
     CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (1) TO (10); CREATE VIEW v AS SELECT * FROM t;
     CREATE MATERIALIZED VIEW m AS SELECT * FROM v; REFRESH MATERIALIZED VIEW m; CREATE TABLE k AS SELECT * FROM m`,
    `CREATE FUNCTION f(a int) RETURNS int LANGUAGE sql IMMUTABLE STRICT RETURN a + 1;
     CREATE FUNCTION g() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT 2; END`,
  ])('%# runs', async (up) => {
    const extension = await provisioned();
    expect(await bench.adapter.data.migrate(extension, [migration('0001_x', up)])).toEqual(['0001_x']);
  });

  it.each([
    '',
    '-- nothing',
    'CREATE TABLE b (',
    'COMMIT',
    'CREATE TABLE x (a int); COMMIT; CREATE TABLE y (a int)',
    'COMMIT AND CHAIN',
    'ROLLBACK; BEGIN',
    'SAVEPOINT s',
    "PREPARE TRANSACTION 'x'",
    'SET search_path = public',
    'SET LOCAL standard_conforming_strings = off',
    "SELECT set_config('mag.tenant', 'x', false)",
    "SELECT current_setting('data_directory')",
    'SET ROLE postgres',
    'RESET ROLE',
    'RESET ALL',
    'ALTER ROLE CURRENT_USER SET search_path = public',
    "ALTER ROLE CURRENT_USER PASSWORD 'x'",
    'GRANT ALL ON SCHEMA ext_acme_x TO PUBLIC',
    "COPY (SELECT 1) TO '/tmp/x'",
    "COPY (SELECT 1) TO PROGRAM 'sh'",
    "DO $$ BEGIN EXECUTE 'COMMIT'; END $$",
    "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1; END'",
    "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    'CREATE FUNCTION f() RETURNS int LANGUAGE sql SECURITY DEFINER RETURN 1',
    'CREATE FUNCTION f() RETURNS int LANGUAGE sql SET search_path = public RETURN 1',
    'CREATE FUNCTION public.f() RETURNS int RETURN 1',
    'CREATE FUNCTION f() RETURNS void LANGUAGE sql BEGIN ATOMIC SELECT pg_sleep(1); END',
    'CREATE PROCEDURE p() BEGIN ATOMIC SELECT 1; END',
    'CREATE TRIGGER t BEFORE INSERT ON a EXECUTE FUNCTION f()',
    'CREATE EXTENSION dblink',
    'CREATE TEMP TABLE t (a int)',
    'CREATE TABLE public.t (a int)',
    'CREATE TABLE t (a int REFERENCES public.users (id))',
    'CREATE TABLE t (LIKE public.users)',
    'CREATE TABLE t () INHERITS (public.users)',
    'CREATE VIEW v AS SELECT * FROM public.users',
    'CREATE VIEW v AS SELECT * FROM mag.grants',
    'CREATE TABLE t (a int DEFAULT pg_sleep(1))',
    "CREATE TABLE t (a regclass DEFAULT 'mag.grants')",
    'CREATE TABLE t (a int) TABLESPACE x',
    'CREATE TABLE t (a int); ALTER TABLE t OWNER TO postgres',
    'CREATE INDEX CONCURRENTLY i ON t (a)',
    'LOCK TABLE t',
    'NOTIFY x',
    'VACUUM',
    'CREATE RULE r AS ON INSERT TO t DO ALSO NOTIFY x',
    'CREATE SCHEMA s',
    "SECURITY LABEL ON TABLE t IS 'x'",
    'CREATE EVENT TRIGGER e ON ddl_command_start EXECUTE FUNCTION f()',
  ])('%j is refused, and nothing of it ran', async (up) => {
    const extension = await provisioned();
    const refused = bench.adapter.data.migrate(extension, [A, migration('0002_x', up)]);
    await expect(refused).rejects.toMatchObject({ code: 'E_MIGRATION' });
    expect(await tables(extension)).toEqual([]);
    expect(await records(extension)).toEqual([]);
  });

  it.each([
    'DROP TABLE public.users',
    'DROP SCHEMA public CASCADE',
    'DROP TABLE mag.grants',
    "COMMENT ON SCHEMA public IS 'x'",
  ])('%j is refused, by the server at the latest', async (up) => {
    const extension = await provisioned();
    const refused = bench.adapter.data.migrate(extension, [migration('0001_x', up)]);
    await expect(refused).rejects.toMatchObject({ code: 'E_MIGRATION' });
  });
});
