import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newServerName } from '../../../../host/components/magds/databases.ts';
import { type ComponentBench, OPERATOR, openComponentBench } from './magds-bench.ts';

let bench: ComponentBench;
let live: string;
beforeAll(async () => {
  bench = await openComponentBench();
  live = (await bench.magds.databases.create('default', { name: 'orders' }, OPERATOR)).serverName ?? '';
});
afterAll(() => bench.close());

async function backup(state: string, database = 'orders'): Promise<string> {
  const id = randomUUID();
  await bench.database.pool.query(
    `INSERT INTO mag.backups (id, project_id, database, state, node, server_version, tools_version, profile, migrations, created_by)
     VALUES ($1, 'default', $2, $3, 'elsewhere', 180004, '18.4', '{"extensions":[],"settings":{}}', '{}', 'token:dead')`,
    [id, database, state],
  );
  return id;
}

async function restoreOf(backupId: string, state: string, intoName: string | null): Promise<string> {
  const id = randomUUID();
  await bench.database.pool.query(
    "INSERT INTO mag.restores (id, backup_id, state, into_name, created_by) VALUES ($1, $2, $3, $4, 'token:dead')",
    [id, backupId, state, intoName],
  );
  return id;
}

const isThere = async (name: string): Promise<boolean> =>
  (await bench.database.pool.query('SELECT FROM pg_database WHERE datname = $1', [name])).rowCount === 1;

describe('what a host leaves that is killed', () => {
  it('while it makes a backup is a failed backup', async () => {
    const id = await backup('running');
    await bench.magds.sweep();
    expect(await bench.magds.backups.get('default', id)).toMatchObject({
      state: 'failed',
      error: { code: 'E_OPERATION_INTERRUPTED' },
    });
  });

  it('while it restores beside a database, or just after, is the database that nobody needs', async () => {
    const [made, replaced] = [newServerName('default', 'orders'), newServerName('default', 'orders')];
    for (const name of [made, replaced]) await bench.database.pool.query(`CREATE DATABASE "${name}"`);
    const id = await backup('succeeded');
    const [running, done] = [
      await restoreOf(id, 'running', made),
      await restoreOf(id, 'succeeded', replaced),
    ];
    await bench.magds.sweep();
    const { restores } = await bench.magds.backups.get('default', id);
    expect(restores).toMatchObject([
      { id: done, state: 'succeeded', intoName: null },
      { id: running, state: 'failed', intoName: null, error: { code: 'E_OPERATION_INTERRUPTED' } },
    ]);
    expect([await isThere(made), await isThere(replaced), await isThere(live)]).toEqual([false, false, true]);
  });

  it('is left alone as long as somebody works on it', async () => {
    const id = await backup('running');
    const held = await bench.server.tryLock('default/orders');
    await bench.magds.sweep();
    expect((await bench.magds.backups.get('default', id)).state).toBe('running');
    await expect(bench.magds.backups.remove('default', id)).rejects.toMatchObject({ code: 'E_STATE' });
    await held?.[Symbol.asyncDispose]();
    await bench.magds.sweep();
    expect((await bench.magds.backups.get('default', id)).state).toBe('failed');
    await bench.magds.backups.remove('default', id);
    await expect(bench.magds.backups.get('default', id)).rejects.toMatchObject({ code: 'E_NOT_FOUND' });
  });

  it('are extensions that cannot log in, which are let in again', async () => {
    const role = `left_out_${randomUUID().slice(0, 8)}`;
    await bench.database.pool.query(`CREATE ROLE ${role} NOLOGIN`);
    await bench.database.pool.query(
      "INSERT INTO mag.extension_roles (extension_id, role, password) VALUES ('acme/left', $1, 'x')",
      [role],
    );
    await bench.database.pool.query(`ALTER DEFAULT PRIVILEGES GRANT CREATE ON SCHEMAS TO ${role}`);
    await bench.magds.sweep();
    expect(bench.letIn).toEqual(['acme/left']);
    const { rowCount } = await bench.database.pool.query(
      "SELECT FROM pg_default_acl WHERE defaclobjtype = 'n'",
    );
    expect(rowCount).toBe(0);
    await bench.database.pool.query(`DELETE FROM mag.extension_roles; DROP ROLE ${role}`);
  });
});

describe('without the tools of Postgres', () => {
  it('no backup is begun, and it says what is missing', async () => {
    bench.fired.length = 0;
    const asked = bench.magds.backups.start('default', 'main', OPERATOR);
    await expect(asked).rejects.toMatchObject({
      code: 'E_BACKUP_TOOLS',
      message: expect.stringContaining('MAG_PG_BIN'),
    });
    expect(bench.fired).toEqual([]); // nobody was asked about what cannot be
  });
});
