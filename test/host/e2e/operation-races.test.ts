import { afterAll, beforeAll, expect, it } from 'vitest';
import { Author } from '../../support/author.ts';
import { TestHost, until } from '../../support/host.ts';
import { serving } from '../../support/sources.ts';

const ID = 'acme/contested';

let host: TestHost;
let author: Author;

beforeAll(async () => {
  [host, author] = await Promise.all([TestHost.start(), Author.create('acme')]);
  await host.trust(author);
});
afterAll(async () => {
  await host[Symbol.asyncDispose]();
  await author[Symbol.asyncDispose]();
});

/** Does something between the look of a request at an extension and the moment its operation holds it. */
async function between(request: () => Promise<unknown>, what: string): Promise<void> {
  const { pool } = host.database;
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    await client.query('LOCK TABLE mag.operations IN SHARE ROW EXCLUSIVE MODE');
    const asked = request();
    const waiting = async () =>
      (
        await pool.query(
          `SELECT FROM pg_stat_activity WHERE datname = current_database()
           AND wait_event_type = 'Lock' AND query LIKE '%INTO mag.operations%'`,
        )
      ).rows.length;
    await until(waiting, (count) => count === 1);
    await pool.query(what, [ID]);
    await client.query('COMMIT');
    await asked;
  } finally {
    client.release();
  }
}

it('an uninstall does not touch what another operation enabled before it came to its turn', async () => {
  const signed = await author.publish({
    manifest: serving('contested', ['GET /ok'], {}),
    code: `export default { endpoints: { 'GET /ok': async () => ({ body: 'fine' }) } };`,
  });
  await host.run(signed);
  await host.operate(ID, 'disable');
  let ended: Awaited<ReturnType<TestHost['operate']>> | undefined;
  await between(
    async () => {
      ended = await host.operate(ID, 'uninstall', { purge: true });
    },
    // As another host does it that enabled it.
    "UPDATE mag.extensions SET state = 'enabled' WHERE id = $1",
  );
  expect(ended?.body).toMatchObject({ state: 'failed', error: { code: 'E_STATE' } });
  const served = () => host.ask('GET', `/x/${ID}/ok`);
  expect((await until(served, ({ status }) => status === 200)).body).toBe('fine');
  const { rows } = await host.database.pool.query(
    'SELECT count(*)::int AS roles FROM mag.extension_roles WHERE extension_id = $1',
    [ID],
  );
  expect(rows).toEqual([{ roles: 1 }]);
});

it('a grant that is added while the extension is uninstalled does not outlive it', async () => {
  const id = 'acme/leaving';
  await host.run(
    await author.publish({
      manifest: serving('leaving', ['GET /ok'], {
        capabilities: [{ name: 'database.read', reason: 'Reads.', scope: { tables: ['public.a'] } }],
      }),
      code: `export default { endpoints: { 'GET /ok': async () => ({ body: 'fine' }) } };`,
    }),
  );
  await host.operate(id, 'disable');
  const { pool } = host.database;
  const client = await pool.connect();
  try {
    // The grants are removed, and the record cannot say yet that it is uninstalled.
    await client.query('BEGIN');
    await client.query('SELECT FROM mag.extensions WHERE id = $1 FOR SHARE', [id]);
    const uninstalling = host.operate(id, 'uninstall', { purge: true });
    const waiting = async () =>
      (
        await pool.query(
          `SELECT FROM pg_stat_activity WHERE datname = current_database()
           AND wait_event_type = 'Lock' AND query LIKE '%INTO mag.extensions%'`,
        )
      ).rows.length;
    await until(waiting, (count) => count === 1);
    const added = await host.ask('PUT', `/v1/extensions/${id}/grants/database.read`, { body: {} });
    expect(added.status).toBe(200);
    await client.query('COMMIT');
    expect((await uninstalling).body.state).toBe('succeeded');
  } finally {
    client.release();
  }
  expect((await pool.query('SELECT capability FROM mag.grants WHERE extension = $1', [id])).rows).toEqual([]);
});
