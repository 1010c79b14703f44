import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { roleName, schemaName } from '../../../adapters/magds/names.ts';
import type { ExtensionId } from '../../../manifests/manifest/manifest.ts';
import { grant, type MagdsBench, migration, openMagdsBench } from './magds-bench.ts';

const NOTES: ExtensionId = 'acme/notes';
const OTHER: ExtensionId = 'acme/other';

describe('names', () => {
  it('are never shared by two extensions', () => {
    const ids: ExtensionId[] = ['a-b/c', 'a/b-c', 'a-/b', 'a--/b', 'a/b--c', 'a-b/c-d', 'a/b-c-d', 'a-b-c/d'];
    expect(new Set(ids.map(schemaName)).size).toBe(ids.length);
    expect(new Set(ids.map((id) => roleName(id, 'db'))).size).toBe(ids.length);
  });

  it('fit into 63 bytes, and stay apart when they are cut', () => {
    const long = `${'p'.repeat(39)}/${'n'.repeat(62)}` as const;
    const names = [schemaName(`${long}a`), schemaName(`${long}b`)];
    expect(new Set(names).size).toBe(2);
    for (const name of names) {
      expect(name.length).toBeLessThanOrEqual(63);
      expect(name.startsWith('ext__')).toBe(true);
    }
    expect(roleName(`${long}a`, 'db').length).toBeLessThanOrEqual(63);
    expect(schemaName('acme/notes')).toBe('ext_acme_notes');
  });

  it('of roles differ between databases of one server', () => {
    expect(roleName(NOTES, 'one')).not.toBe(roleName(NOTES, 'two'));
  });
});

describe('the role of an extension, without the text gate', () => {
  let bench: MagdsBench;
  beforeAll(async () => {
    bench = await openMagdsBench();
    const { pool } = bench.database;
    await pool.query('CREATE TABLE public.users (id int PRIMARY KEY, name text)');
    await pool.query("INSERT INTO public.users VALUES (1, 'Ada')");
    await pool.query('CREATE TABLE public.logs (id serial PRIMARY KEY, line text)');
    await pool.query('CREATE TABLE public.secrets (id int)');
    await pool.query('CREATE SCHEMA shop; CREATE TABLE shop.orders (id int)');
    for (const extension of [NOTES, OTHER]) {
      await bench.adapter.data.provision(extension);
      await bench.adapter.data.migrate(extension, [
        migration('0001_a', 'CREATE TABLE notes (id int, title text)'),
      ]);
    }
  });
  afterAll(() => bench.close());

  async function refusal(sql: string): Promise<string | undefined> {
    const client = await bench.connectAs(NOTES);
    try {
      await client.query(sql);
      return 'allowed';
    } catch (thrown) {
      return (thrown as { code?: string }).code;
    } finally {
      await client.end();
    }
  }

  it.each([
    ['SELECT * FROM mag.grants', '42501'],
    ['SELECT * FROM mag.extension_roles', '42501'],
    ['DELETE FROM mag.extension_migrations', '42501'],
    ['SELECT * FROM ext_acme_other.notes', '42501'],
    ['CREATE TABLE ext_acme_other.t (a int)', '42501'],
    ['SELECT * FROM public.users', '42501'],
    ['INSERT INTO public.users VALUES (2)', '42501'],
    ['CREATE TABLE public.t (a int)', '42501'],
    ['CREATE TEMP TABLE t (a int)', '42501'],
    ['CREATE SCHEMA s', '42501'],
    ['CREATE ROLE x', '42501'],
    ['CREATE DATABASE x', '42501'],
    ['SET ROLE pg_read_all_data', '42501'],
    ['DROP SCHEMA ext_acme_notes CASCADE', '42501'],
    ['GRANT ALL ON SCHEMA ext_acme_notes TO PUBLIC', 'allowed'], // a warning: it has nothing to hand on
    ["SELECT pg_read_file('/etc/passwd')", '42501'],
    ["COPY (SELECT 1) TO PROGRAM 'true'", '42501'],
    ['SELECT rolpassword FROM pg_authid', '42501'],
    ['SELECT * FROM notes', 'allowed'],
    ['INSERT INTO notes VALUES (1)', 'allowed'],
  ])('%s: %s', async (sql, expected) => {
    expect(await refusal(sql)).toBe(expected);
  });

  it('has handed nothing of its schema to everybody', async () => {
    await refusal('GRANT ALL ON SCHEMA ext_acme_notes TO PUBLIC');
    const other = await bench.connectAs(OTHER);
    await expect(other.query('SELECT * FROM ext_acme_notes.notes')).rejects.toMatchObject({ code: '42501' });
    await other.end();
  });

  it('starts every session with its limits', async () => {
    const client = await bench.connectAs(NOTES);
    const { rows } = await client.query(
      `SELECT current_setting('search_path') AS path, current_setting('statement_timeout') AS statement,
         current_setting('lock_timeout') AS lock, current_setting('idle_in_transaction_session_timeout') AS idle,
         rolconnlimit, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls
       FROM pg_roles WHERE rolname = current_user`,
    );
    await client.end();
    expect(rows[0]).toEqual({
      path: 'ext_acme_notes',
      statement: '10s',
      lock: '3s',
      idle: '15s',
      rolconnlimit: 8,
      rolsuper: false,
      rolinherit: false,
      rolcreaterole: false,
      rolcreatedb: false,
      rolreplication: false,
      rolbypassrls: false,
    });
  });

  it('holds exactly what is granted', async () => {
    const { data } = bench.adapter;
    await data.syncGrants(NOTES, [
      grant(NOTES, 'database.read', {
        tables: ['public.users', 'public.absent', 'mag.grants', 'pg_catalog.pg_authid'],
      }),
      grant(NOTES, 'database.write', { tables: ['public.logs'] }),
    ]);
    expect(await refusal('SELECT * FROM public.users')).toBe('allowed');
    expect(await refusal('UPDATE public.users SET id = 2')).toBe('42501');
    expect(await refusal("INSERT INTO public.logs (line) VALUES ('x')")).toBe('allowed');
    expect(await refusal('SELECT * FROM public.logs')).toBe('42501');
    expect(await refusal('TRUNCATE public.logs')).toBe('42501');
    expect(await refusal('SELECT * FROM public.secrets')).toBe('42501');
    expect(await refusal('SELECT * FROM mag.grants')).toBe('42501');

    await data.syncGrants(NOTES, [grant(NOTES, 'database.read', { schemas: ['shop'] })]);
    expect(await refusal('SELECT * FROM shop.orders')).toBe('allowed');
    expect(await refusal('SELECT * FROM public.users')).toBe('42501');
    expect(await refusal("INSERT INTO public.logs (line) VALUES ('x')")).toBe('42501');

    await data.syncGrants(NOTES, [
      grant(NOTES, 'database.read', {}),
      grant(NOTES, 'database.write', { tables: [] }),
    ]);
    expect(await refusal('SELECT * FROM shop.orders')).toBe('42501');

    await data.syncGrants(NOTES, [grant(NOTES, 'database.read')]);
    expect(await refusal('SELECT 1 FROM public.users, public.logs, public.secrets, shop.orders')).toBe(
      'allowed',
    );
    expect(await refusal('SELECT * FROM mag.grants')).toBe('42501');
    expect(await refusal('SELECT * FROM ext_acme_other.notes')).toBe('42501');

    await data.syncGrants(NOTES, []);
    expect(await refusal('SELECT * FROM public.users')).toBe('42501');
    expect(await refusal('SELECT * FROM notes')).toBe('allowed');
  });

  it('is the same after being provisioned again, also by two hosts at once', async () => {
    await Promise.all([bench.adapter.data.provision(NOTES), bench.adapter.data.provision(NOTES)]);
    expect(await refusal('SELECT * FROM notes')).toBe('allowed');
  });

  it('needs no role to hold nothing', async () => {
    await bench.adapter.data.syncGrants('acme/never', [grant('acme/never', 'database.read')]);
    expect(await bench.adapter.data.exists('acme/never')).toBe(false);
  });
});

describe('an extension that goes', () => {
  let bench: MagdsBench;
  beforeAll(async () => {
    bench = await openMagdsBench();
  });
  afterAll(() => bench.close());
  const files = [
    migration(
      '0001_all',
      `CREATE TYPE status AS ENUM ('open'); CREATE DOMAIN short AS text CHECK (length(VALUE) < 9);
       CREATE TABLE notes (id serial PRIMARY KEY, own bigint GENERATED ALWAYS AS IDENTITY, s status, t short);
       CREATE SEQUENCE spare; CREATE VIEW open_notes AS SELECT * FROM notes WHERE s = 'open';
       CREATE FUNCTION twice(a int) RETURNS int RETURN a * 2`,
    ),
  ];

  it('leaves its data to the next one of its name, when it is kept', async () => {
    const { data } = bench.adapter;
    await data.provision(NOTES);
    await data.migrate(NOTES, files);
    await bench.query(NOTES, "INSERT INTO notes (s, t) VALUES ('open', 'x')");
    await data.deprovision(NOTES, { dropData: false });
    await data.deprovision(NOTES, { dropData: false });
    expect(await data.exists(NOTES)).toBe(true);
    await expect(bench.query(NOTES, 'SELECT 1')).rejects.toMatchObject({ code: 'E_STATE' });

    await data.provision(NOTES);
    expect(await data.migrate(NOTES, files)).toEqual([]);
    const { rows } = await bench.query(NOTES, 'SELECT s, ext_acme_notes.twice(id) AS d FROM open_notes');
    expect(rows).toEqual([{ s: 'open', d: 2 }]);
    await bench.query(NOTES, 'ALTER TABLE notes ADD COLUMN x int');
  });

  it('leaves nothing, when it is dropped', async () => {
    const { data } = bench.adapter;
    await data.provision(NOTES);
    await data.migrate(NOTES, files);
    await data.deprovision(NOTES, { dropData: true });
    await data.deprovision(NOTES, { dropData: true });
    expect(await data.exists(NOTES)).toBe(false);
    const left = await bench.database.pool.query(
      `SELECT extension_id FROM mag.extension_roles UNION ALL SELECT extension_id FROM mag.extension_migrations`,
    );
    expect(left.rows).toEqual([]);
    const role = await bench.database.pool.query('SELECT FROM pg_roles WHERE rolname = $1', [
      roleName(NOTES, new URL(bench.database.url).pathname.slice(1)),
    ]);
    expect(role.rowCount).toBe(0);
  });
});
