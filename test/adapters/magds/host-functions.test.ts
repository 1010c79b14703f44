import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDatabase } from '../../../host/storage/database.ts';
import { createOutbox } from '../../../host/storage/outbox.ts';
import type { ExtensionId } from '../../../manifests/manifest/manifest.ts';
import { type MagdsBench, openMagdsBench } from './magds-bench.ts';

const ME: ExtensionId = 'acme/me';
const OTHER: ExtensionId = 'acme/other';

/** What somebody could do who got past the gate: everything here runs as the role itself. */
describe('the functions of mag_ext', () => {
  let bench: MagdsBench;
  let me: pg.Client;
  let other: pg.Client;

  beforeAll(async () => {
    bench = await openMagdsBench();
    for (const id of [ME, OTHER]) await bench.adapter.data.provision(id);
    [me, other] = await Promise.all([bench.connectAs(ME), bench.connectAs(OTHER)]);
  });
  afterAll(async () => {
    await Promise.all([me.end(), other.end()]);
    await bench.close();
  });

  const stateOf = (id: ExtensionId) =>
    bench.database.pool
      .query('SELECT key, value FROM mag.state WHERE extension = $1', [id])
      .then(({ rows }) => rows);
  const codeOf = (asked: Promise<unknown>) =>
    asked.then(
      () => 'done',
      (error: { code: string }) => error.code,
    );

  it('go by the role that logged in', async () => {
    await me.query("SELECT mag_ext.put_state('t_a', 'k', '1', NULL)");
    await other.query("SELECT mag_ext.put_state('t_a', 'k', '2', NULL)");
    expect(await stateOf(ME)).toEqual([{ key: 'k', value: 1 }]);
    expect((await me.query("SELECT value FROM mag_ext.get_state('t_a', 'k')")).rows).toEqual([{ value: 1 }]);
    expect((await me.query("SELECT mag_ext.delete_state('t_a', 'k') AS gone")).rows).toEqual([
      { gone: true },
    ]);
    expect(await stateOf(OTHER)).toEqual([{ key: 'k', value: 2 }]);
    expect((await me.query("SELECT * FROM mag_ext.list_state('t_a', '', '', 10, 1000)")).rows).toEqual([]);
  });

  it('are all there is of the host: its tables stay closed', async () => {
    for (const sql of [
      'TABLE mag.outbox',
      'TABLE mag.state',
      'TABLE mag.extension_roles',
      'SELECT mag.admit_host(NULL)',
    ])
      expect(await codeOf(me.query(sql))).toBe('42501');
    expect(await codeOf(me.query('CREATE FUNCTION mag_ext.mine() RETURNS int RETURN 1'))).toBe('42501');
    // Nothing of the role finds its way into a function that runs as the host.
    await me.query(
      'CREATE FUNCTION starts_with(text, text) RETURNS boolean RETURN true; SET search_path = ext_acme_me, pg_catalog',
    );
    expect(await codeOf(me.query(`SELECT mag_ext.publish('{"event_type":"acme.other.x"}')`))).toBe('42501');
  });

  it('are closed to who is no extension', async () => {
    const { pool } = bench.database;
    expect(await codeOf(pool.query('SELECT mag_ext.extension()'))).toBe('42501');
    const { rows } = await pool.query(
      `SELECT count(*)::int AS n FROM pg_proc, aclexplode(coalesce(proacl, acldefault('f', proowner))) acl
       WHERE pronamespace = 'mag_ext'::regnamespace AND acl.grantee = 0`,
    );
    expect(rows).toEqual([{ n: 0 }]);
  });

  it('publish in the name of the extension only, whatever the envelope says', async () => {
    for (const event of ['{}', '{"event_type":"acme.other.x"}', '{"event_type":"acme.me"}'])
      expect(await codeOf(me.query('SELECT mag_ext.publish($1)', [event]))).toBe('42501');
    const forged = { event_type: 'acme.me.x', source: { component: 'maggate', extension: OTHER }, data: {} };
    await me.query('SELECT mag_ext.publish($1)', [JSON.stringify(forged)]);
    await using database = await openDatabase(bench.database.url);
    const handed: unknown[] = [];
    const moved = await createOutbox(database).hand(ME, async (events) => void handed.push(...events));
    expect([moved, handed]).toEqual([
      1,
      [{ event_type: 'acme.me.x', source: { component: 'extension', extension: ME }, data: {} }],
    ]);
  });

  it('keep to the limits of state', async () => {
    const long = (bytes: number) => JSON.stringify('x'.repeat(bytes));
    const put = (key: string, value: string) =>
      codeOf(me.query("SELECT mag_ext.put_state('t_a', $1, $2, NULL)", [key, value]));
    expect(await put('x'.repeat(513), '1')).toBe('22001');
    expect(await put('', '1')).toBe('22001');
    expect(await put('k', long(256 * 1024))).toBe('22001');
    expect(await put('k', long(1000))).toBe('done');
  });

  it('are closed again when the extension is gone', async () => {
    await me.end();
    await bench.adapter.data.deprovision(ME, { dropData: true });
    await bench.adapter.data.provision(ME);
    await bench.adapter.data.syncGrants(ME, []);
    me = await bench.connectAs(ME);
    expect((await me.query('SELECT mag_ext.extension() AS id')).rows).toEqual([{ id: ME }]);
  });
});
