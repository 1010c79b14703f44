import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { newServerName } from '../../../../host/components/magds/databases.ts';
import { createProjectStore } from '../../../../host/storage/project-store.ts';
import type { MagError } from '../../../../kernel/errors.ts';
import type { HookName } from '../../../../manifests/catalog/index.ts';
import { callerOf } from '../../../adapters/adapter-contract.ts';
import { type ComponentBench, OPERATOR, openComponentBench, vetoOf } from './magds-bench.ts';

let bench: ComponentBench;
beforeAll(async () => {
  bench = await openComponentBench();
  await bench.magds.createProject({ id: 'shop', name: 'Shop', tenantId: 't_acme' }, OPERATOR);
});
beforeEach(() => {
  bench.fired.length = 0;
  bench.taps.clear();
});
afterAll(() => bench.close());

const onServer = async (name: string | null): Promise<boolean> =>
  (await bench.database.pool.query('SELECT FROM pg_database WHERE datname = $1', [name])).rowCount === 1;
const create = (name: string, members = {}) =>
  bench.magds.databases.create('shop', { name, ...members }, OPERATOR);

describe('projects', () => {
  it('begin with the one that always is, whose database is that of the host', async () => {
    expect((await bench.magds.project('default')).tenantId).toBe('t_system');
    const [main] = await bench.magds.databases.list('default');
    expect(main).toMatchObject({ name: 'main', serverName: null, state: 'ready' });
    await expect(bench.magds.databases.remove('default', 'main', OPERATOR)).rejects.toMatchObject({
      code: 'E_STATE',
    });
    await expect(bench.magds.removeProject('default')).rejects.toMatchObject({ code: 'E_STATE' });
  });

  it('have names of their own, and go when they are empty', async () => {
    const again = bench.magds.createProject({ id: 'shop', name: 'x', tenantId: 't_b' }, OPERATOR);
    await expect(again).rejects.toMatchObject({ code: 'E_EXISTS' });
    await bench.magds.createProject({ id: 'gone', name: 'Gone', tenantId: 't_acme' }, OPERATOR);
    await bench.magds.removeProject('gone');
    await expect(bench.magds.project('gone')).rejects.toMatchObject({ code: 'E_NOT_FOUND' });
  });
});

describe('a database of a project', () => {
  it('is a real one, made after the guards, with what the taps chose, and gone when it is removed', async () => {
    bench.taps.set('magds.on_extension_profile_select', (value) => ({
      ...(value as object),
      extensions: ['pgcrypto', 'citext'],
      settings: { timezone: 'Asia/Tokyo' },
    }));
    const made = await create('orders', { settings: { lock_timeout: '1s' } });
    expect(made).toMatchObject({
      project: 'shop',
      state: 'ready',
      createdBy: 'token:test',
      profile: { extensions: ['citext', 'pgcrypto'], settings: { timezone: 'Asia/Tokyo' } },
    });
    const about = { project: 'shop', database: 'orders', tenant: 't_acme' };
    const chosen = { extensions: ['citext', 'pgcrypto'], settings: { timezone: 'Asia/Tokyo' } };
    expect(bench.fired).toEqual([
      { hook: 'magds.before_db_create', value: { ...about, by: 'token:test' }, tenant: 't_system' },
      {
        hook: 'magds.on_extension_profile_select',
        value: { ...about, extensions: [], settings: { lock_timeout: '1s' } },
        tenant: 't_system',
      },
      {
        hook: 'magds.after_db_create',
        value: { ...about, by: 'token:test', ...chosen },
        tenant: 't_system',
      },
    ]);
    expect(bench.events.at(-1)).toMatchObject({
      type: 'database.created',
      data: { project: 'shop', database: 'orders' },
      context: { tenant_id: 't_system', project_id: 'shop' },
    });

    await using database = await bench.server.open(made.serverName ?? '');
    expect(
      await database.query(
        `SELECT current_setting('timezone') AS zone, current_setting('server_encoding') AS encoding,
           has_database_privilege('public', current_database(), 'CONNECT') AS open,
           gen_random_bytes(2) IS NOT NULL AS crypto`,
      ),
    ).toEqual([{ zone: 'Asia/Tokyo', encoding: 'UTF8', open: false, crypto: true }]);
    expect((await bench.magds.databases.get('shop', 'orders')).sizeBytes).toBeGreaterThan(1_000_000);
    await expect(bench.magds.removeProject('shop')).rejects.toMatchObject({ code: 'E_STATE' });

    await bench.magds.databases.remove('shop', 'orders', OPERATOR);
    expect(await onServer(made.serverName)).toBe(false);
    await expect(bench.magds.databases.get('shop', 'orders')).rejects.toMatchObject({ code: 'E_NOT_FOUND' });
    expect(bench.events.at(-1)?.type).toBe('database.removed');
  });

  it('is not made when a guard is against it', async () => {
    bench.taps.set('magds.before_db_create', () => {
      throw vetoOf('NO_ROOM', 'Not today.');
    });
    await expect(create('refused')).rejects.toMatchObject({
      code: 'E_VETO',
      message: 'Not today.',
      blame: { extension: 'acme/tap', code: 'NO_ROOM' },
    });
    expect(await bench.magds.databases.list('shop')).toEqual([]);
  });

  it.each([
    ['an extension that is not trusted', { extensions: ['dblink'] }],
    ['one the server does not have', { extensions: ['vector'] }],
    ['a setting that is not offered', { settings: { log_statement: 'all' } }],
    ['a value the server refuses', { settings: { timezone: "Nowhere'; DROP TABLE x" } }],
  ])('does not begin with %s, and leaves nothing behind', async (_what, wanted) => {
    bench.taps.set('magds.on_extension_profile_select', (value) => ({ ...(value as object), ...wanted }));
    const made = () =>
      bench.database.pool.query("SELECT datname FROM pg_database WHERE datname LIKE 'mag_shop_odd_%'");
    await expect(create('odd')).rejects.toMatchObject({ code: 'E_DB_PROFILE' });
    expect(await bench.magds.databases.list('shop')).toEqual([]);
    expect((await made()).rowCount).toBe(0);
  });

  it('is one, however many ask for it at once', async () => {
    const answers = await Promise.allSettled([create('twice'), create('twice')]);
    expect(answers.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    const refused = answers.find((answer) => answer.status === 'rejected');
    // The second waits for the first, and not for long: making one may take longer than that.
    expect(refused?.reason).toMatchObject({ code: expect.stringMatching(/^E_(EXISTS|BUSY)$/) });
    await expect(create('twice')).rejects.toMatchObject({ code: 'E_EXISTS' });
    await bench.magds.databases.remove('shop', 'twice', OPERATOR);
  });

  it('waits for nobody who works on it for long', async () => {
    await using _held = await bench.server.tryLock('shop/held');
    await expect(create('held')).rejects.toMatchObject({ code: 'E_BUSY' });
  });

  it('that a host left half made, or half removed, is cleaned up', async () => {
    const { pool } = bench.database;
    const abandoned: string[] = [];
    for (const state of ['creating', 'dropping']) {
      const name = newServerName('shop', state);
      await pool.query(
        `INSERT INTO mag.project_databases (project_id, name, server_name, state, profile, created_by)
         VALUES ('shop', $1, $2, $1, '{"extensions":[],"settings":{}}', 'token:dead')`,
        [state, name],
      );
      await pool.query(`CREATE DATABASE "${name}"`);
      abandoned.push(name);
    }
    await create('creating'); // whoever asks for the name finds it free
    await bench.magds.sweep();
    const left = await bench.magds.databases.list('shop');
    expect(left).toMatchObject([{ name: 'creating', state: 'ready', createdBy: 'token:test' }]);
    for (const name of abandoned) expect(await onServer(name)).toBe(false);
    await bench.magds.databases.remove('shop', 'creating', OPERATOR);
  });

  it('has a name on the server that fits, and is never another one’s', () => {
    const names = [
      newServerName('a'.repeat(32), 'b'.repeat(32)),
      newServerName('a'.repeat(32), 'b'.repeat(32)),
    ];
    expect(new Set(names).size).toBe(2);
    for (const name of names) expect(Buffer.byteLength(name)).toBeLessThanOrEqual(63);
  });
});

describe('what extensions do with databases', () => {
  const caller = callerOf('acme/maker', { tenantId: 't_acme' });

  it('is made in a project of their tenant, under the same guards', async () => {
    const { forExtensions } = bench.magds;
    expect(await forExtensions.createFor(caller, { name: 'own' })).toMatchObject({
      project: 'shop',
      name: 'own',
    });
    const hooks: HookName[] = ['magds.before_db_create', 'magds.after_db_create'];
    for (const hook of hooks) {
      expect(bench.fired).toContainEqual({
        hook,
        value: expect.objectContaining({ by: 'acme/maker', tenant: 't_acme' }),
        tenant: 't_acme',
      });
    }
    expect(await forExtensions.listFor(caller)).toMatchObject({
      databases: [{ project: 'shop', name: 'own' }],
    });
    expect(await forExtensions.listFor(callerOf('acme/maker'))).toMatchObject({
      databases: [{ project: 'default', name: 'main' }],
    });
  });

  it.each([
    ['the project of another tenant', caller, 'default'],
    ['one that is not there', caller, 'missing'],
    ['none, in a tenant without any', callerOf('acme/maker', { tenantId: 't_none' }), undefined],
  ])('is not made in %s', async (_what, by, project) => {
    const asked = bench.magds.forExtensions.createFor(by, {
      name: 'foreign',
      ...(project === undefined ? {} : { project }),
    });
    await expect(asked).rejects.toMatchObject({ code: 'E_NOT_FOUND' });
  });

  it('is so many and no more, also of those asked for at once', async () => {
    const { pool } = bench.database;
    const store = createProjectStore({
      query: async (text: string, values: unknown[]) => (await pool.query(text, values)).rows,
    } as never);
    const taken = Array.from({ length: 8 }, (_, i) => `taken_${i}`);
    for (const name of taken)
      await store.begin({
        project: 'shop',
        name,
        serverName: name,
        profile: { extensions: [], settings: {} },
        createdBy: 'acme/maker',
      });
    const more = await Promise.allSettled(
      ['one_more', 'and_another'].map((name) => bench.magds.forExtensions.createFor(caller, { name })),
    );
    const refused = more
      .filter((answer) => answer.status === 'rejected')
      .map(({ reason }) => reason as MagError);
    expect(refused.map(({ code }) => code)).toEqual(['E_DB_QUOTA']);
    for (const name of taken) await store.forget('shop', name);
  });
});

it('keeps everybody but the host out of a database', async () => {
  const { serverName } = await create('closed');
  const address = new URL(bench.database.url);
  await bench.database.pool.query("CREATE ROLE stranger_of_databases LOGIN PASSWORD 'x'");
  [address.username, address.password, address.pathname] = ['stranger_of_databases', 'x', `/${serverName}`];
  const client = new pg.Client({ connectionString: address.href });
  await expect(client.connect()).rejects.toMatchObject({ code: '42501' });
  await bench.database.pool.query('DROP ROLE stranger_of_databases');
});
