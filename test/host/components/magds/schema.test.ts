import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { NewPolicy } from '../../../../host/components/magds/policies.ts';
import { type ComponentBench, OPERATOR, openComponentBench, vetoOf } from './magds-bench.ts';

let bench: ComponentBench;
beforeAll(async () => {
  bench = await openComponentBench();
  await bench.magds.databases.create('default', { name: 'orders' }, OPERATOR);
});
beforeEach(() => {
  bench.fired.length = 0;
  bench.taps.clear();
});
afterAll(() => bench.close());

const apply = (name: string, sql: string, database = 'orders') =>
  bench.magds.migrations.apply('default', database, { name, sql }, OPERATOR);
const rowsIn = async (sql: string, database = 'orders') => {
  const { serverName } = await bench.magds.databases.get('default', database);
  await using opened = await bench.server.open(serverName ?? bench.server.platformName);
  return await opened.query<Record<string, unknown>>(sql);
};

describe('migrations of an operator', () => {
  it('run once each, in order, as a role that is nobody, with their record', async () => {
    const sql = 'CREATE SCHEMA sales; CREATE TABLE sales.orders (id int PRIMARY KEY, tenant text)';
    const first = await apply('0001_orders', sql);
    expect(first).toMatchObject({ name: '0001_orders', appliedBy: 'token:test' });
    expect(await apply('0001_orders', sql)).toEqual(first); // not a second time
    await apply('0002_index', 'CREATE INDEX ON sales.orders (tenant); INSERT INTO sales.orders VALUES (1)');
    const applied = await bench.magds.migrations.list('default', 'orders');
    expect(applied.map(({ name }) => name)).toEqual(['0001_orders', '0002_index']);
    expect(bench.fired.map(({ hook }) => hook)).toEqual([
      'magds.before_migration',
      'magds.after_migration',
      'magds.before_migration',
      'magds.after_migration',
    ]);
    expect(bench.fired[1]).toEqual({
      hook: 'magds.after_migration',
      value: {
        project: 'default',
        database: 'orders',
        extension: null,
        migration: '0001_orders',
        direction: 'up',
      },
      tenant: 't_system',
    });
    expect(bench.events.at(-1)).toMatchObject({
      type: 'database.migration.applied',
      data: { project: 'default', database: 'orders', migration: '0002_index' },
    });
    const [owner] = await rowsIn(
      `SELECT rolsuper, rolcanlogin FROM pg_roles WHERE oid = 'sales.orders'::regclass::oid
       OR rolname = (SELECT tableowner FROM pg_tables WHERE tablename = 'orders')`,
    );
    expect(owner).toEqual({ rolsuper: false, rolcanlogin: false });
  });

  it('are refused when they changed, or come too late', async () => {
    await expect(apply('0001_orders', 'SELECT 1')).rejects.toMatchObject({ code: 'E_MIGRATION_CHANGED' });
    await expect(apply('0000_before', 'SELECT 1')).rejects.toMatchObject({ code: 'E_MIGRATION' });
  });

  it('do all or nothing', async () => {
    const failing = apply('0003_half', 'CREATE TABLE half (id int); INSERT INTO half VALUES (1 / 0)');
    await expect(failing).rejects.toMatchObject({
      code: 'E_MIGRATION',
      message: expect.stringContaining('22012'),
    });
    expect(await rowsIn("SELECT to_regclass('half') AS half")).toEqual([{ half: null }]);
  });

  it('do not run when a guard is against it', async () => {
    bench.taps.set('magds.before_migration', () => {
      throw vetoOf('FROZEN', 'No changes this week.');
    });
    await expect(apply('0004_frozen', 'CREATE TABLE frozen (id int)')).rejects.toMatchObject({
      code: 'E_VETO',
      blame: { code: 'FROZEN' },
    });
    expect(await rowsIn("SELECT to_regclass('frozen') AS frozen")).toEqual([{ frozen: null }]);
  });

  it.each([
    'COMMIT; CREATE TABLE a (id int)',
    "COPY sales.orders TO PROGRAM 'id'",
    'DO $$ BEGIN END $$',
    "CREATE FUNCTION public.f() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1; END'",
    'CREATE TABLE a (x text CHECK (pg_read_file(x) IS NOT NULL))',
    'ALTER SYSTEM SET fsync = off',
    'SET ROLE postgres',
    'CREATE ROLE intruder SUPERUSER',
    'UPDATE mag.tokens SET role = role',
    'CREATE TABLE mag_ext.x (id int)',
    'CREATE SCHEMA ext_acme_notes',
    'CREATE SCHEMA x AUTHORIZATION postgres',
    'DELETE FROM magflock.migrations',
    '',
  ])('hold nothing like %j', async (sql) => {
    await expect(apply('0005_refused', sql, 'main')).rejects.toMatchObject({ code: 'E_MIGRATION' });
  });

  it('reach nothing of the host, also where no statement names it', async () => {
    await expect(apply('0006_drop', 'DROP SCHEMA mag', 'main')).rejects.toMatchObject({
      code: 'E_MIGRATION',
      message: expect.stringContaining('42501'),
    });
    await apply('0007_plain', 'CREATE TABLE public.plain (id int)', 'main');
    expect((await bench.magds.migrations.list('default', 'main')).map(({ name }) => name)).toEqual([
      '0007_plain',
    ]);
  });
});

describe('policies', () => {
  const wanted: NewPolicy = {
    table: 'sales.orders',
    name: 'own_rows',
    command: 'all',
    permissive: true,
    using: "tenant = current_setting('mag.tenant', true)",
    check: null,
  };
  const create = (members: Partial<NewPolicy> = {}) =>
    bench.magds.policies.create('default', 'orders', { ...wanted, ...members }, OPERATOR);

  it('are made as the taps leave them, for the owner of the table too', async () => {
    bench.taps.set('magds.on_rls_policy_create', (value) => ({
      ...(value as object),
      table: 'sales.other',
      check: "tenant = current_setting('mag.tenant', true) AND id > 0",
    }));
    const made = await create();
    expect(made).toMatchObject({ table: 'sales.orders', check: expect.stringContaining('id > 0') });
    expect(bench.fired[0]?.value).toEqual({ project: 'default', database: 'orders', ...wanted });
    expect(await bench.magds.policies.list('default', 'orders')).toMatchObject([
      { table: 'sales.orders', name: 'own_rows', command: 'all', permissive: true },
    ]);
    expect(
      await rowsIn("SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE relname = 'orders'"),
    ).toEqual([{ relrowsecurity: true, relforcerowsecurity: true }]);
    await expect(create()).rejects.toMatchObject({ code: 'E_EXISTS' });
    expect(bench.events.at(-1)?.type).toBe('database.policy.created');
  });

  it('are not made when a tap is against it, or answers nonsense', async () => {
    bench.taps.set('magds.on_rls_policy_create', () => {
      throw vetoOf('TOO_WIDE', 'Name the tenant.');
    });
    await expect(create({ name: 'vetoed' })).rejects.toMatchObject({
      code: 'E_VETO',
      blame: { code: 'TOO_WIDE' },
    });
    bench.taps.set('magds.on_rls_policy_create', () => ({ using: 'true' }));
    await expect(create({ name: 'nonsense' })).rejects.toMatchObject({ code: 'E_VETO' });
    bench.taps.set('magds.on_rls_policy_create', (value) => ({
      ...(value as object),
      using: 'true) WITH CHECK (false',
    }));
    await expect(create({ name: 'sly' })).rejects.toMatchObject({ code: 'E_SQL_SYNTAX' });
  });

  it.each([
    ['true) , (false', 'E_SQL_SYNTAX'],
    ['true) UNION (SELECT true', 'E_SQL_SYNTAX'],
    ['true); DROP TABLE sales.orders; SELECT (true', 'E_SQL_SYNTAX'],
    ['true) FROM sales.orders WHERE (true', 'E_SQL_SYNTAX'],
    ['tenant = ', 'E_SQL_SYNTAX'],
    ['true -- ) WITH CHECK (true', 'made'],
    ["pg_read_file('/etc/passwd') IS NOT NULL", 'E_SQL_FORBIDDEN'],
    ["current_setting('is_superuser') = 'on'", 'E_SQL_FORBIDDEN'],
    ['EXISTS (SELECT FROM mag.tokens)', 'E_SQL_FORBIDDEN'],
    ['EXISTS (SELECT FROM public.secrets)', 'E_SQL_FORBIDDEN'],
    ['EXISTS (SELECT FROM sales.orders o WHERE o.id = 1)', 'made'],
    ['sales.f(id)', 'E_SQL_FORBIDDEN'],
    ['missing_column', 'E_DB'],
  ])('with the expression %j: %s', async (using, outcome) => {
    const name = `p_${Buffer.from(using).toString('hex').slice(0, 40)}`;
    const code = await create({ name, using }).then(
      () => 'made',
      (error) => error.code,
    );
    expect(code).toBe(outcome);
  });

  it.each([
    { table: 'mag.tokens' },
    { table: 'pg_catalog.pg_class' },
    { table: 'orders' },
    { using: null },
    { command: 'insert' },
    { command: 'select', check: 'true' },
  ] as const)('are refused as %j', async (members) => {
    await expect(create({ name: 'odd', ...members })).rejects.toMatchObject({ code: 'E_BAD_REQUEST' });
  });
});

describe('restore points', () => {
  it('are places in the log, told to observers, with what the server lacks', async () => {
    const made = await bench.magds.restorePoints.create('default', 'before-launch', OPERATOR);
    expect(made.lsn).toMatch(/^[0-9A-F]+\/[0-9A-F]+$/);
    expect(bench.fired).toEqual([
      {
        hook: 'magds.on_pitr_checkpoint',
        value: { project: 'default', name: 'before-launch', lsn: made.lsn, by: 'token:test' },
        tenant: 't_system',
      },
    ]);
    expect(bench.events.at(-1)?.type).toBe('database.restore_point.created');
    const again = bench.magds.restorePoints.create('default', 'before-launch', OPERATOR);
    await expect(again).rejects.toMatchObject({ code: 'E_EXISTS' });
    expect(await bench.magds.restorePoints.list('default')).toEqual([made]);
    expect(await bench.magds.restorePoints.degradation()).toMatch(/^archive_mode is off/);
  });
});

describe('the health report', () => {
  it('has what the host sees, and what taps add', async () => {
    bench.taps.set('magds.health_check_report', () => ({ healthy: false, details: { lag: 7 } }));
    const report = await bench.magds.health('default', OPERATOR);
    expect(report).toMatchObject({
      healthy: false,
      databases: [
        { name: 'main', reachable: true, connections: expect.any(Number) },
        { name: 'orders', reachable: true, sizeBytes: expect.any(Number) },
      ],
      contributions: [{ extension: 'acme/tap', healthy: false, details: { lag: 7 } }],
    });
    expect(bench.fired[0]?.value).toEqual({ project: 'default', databases: ['main', 'orders'] });
    bench.taps.set('magds.health_check_report', () => ({ healthy: true }));
    expect(await bench.magds.health('default', OPERATOR)).toMatchObject({ healthy: true });
    bench.taps.set('magds.health_check_report', () => 'fine');
    expect((await bench.magds.health('default', OPERATOR)).contributions).toEqual([]);
  });
});
