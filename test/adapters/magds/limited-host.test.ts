import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createMagdsAdapter, type MagdsAdapter } from '../../../adapters/magds/index.ts';
import { createExtensionSide } from '../../../host/storage/extension-side.ts';
import type { ExtensionId } from '../../../manifests/manifest/manifest.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { silentLogger } from '../../support/silent-logger.ts';
import { callerOf } from '../adapter-contract.ts';
import { grant, migration } from './magds-bench.ts';

const NOTES: ExtensionId = 'acme/limited';
const HOST = `limited_host_${randomBytes(4).toString('hex')}`;

/** An external server hardly ever gives the host a superuser: CREATEROLE and the database have to do. */
describe('a host that is no superuser', () => {
  let database: TestDatabase;
  let adapter: MagdsAdapter;

  beforeAll(async () => {
    database = await createTestDatabase();
    const name = new URL(database.url).pathname.slice(1);
    await database.pool.query(`CREATE ROLE ${HOST} LOGIN CREATEROLE PASSWORD 'x'`);
    await database.pool.query(`ALTER DATABASE ${name} OWNER TO ${HOST}`);
    await database.pool.query(`ALTER SCHEMA mag OWNER TO ${HOST}; ALTER SCHEMA mag_ext OWNER TO ${HOST}`);
    const { rows } = await database.pool.query<{ change: string }>(
      `SELECT format('ALTER TABLE mag.%I OWNER TO ${HOST}', relname) AS change FROM pg_class
       WHERE relnamespace = 'mag'::regnamespace AND relkind IN ('r', 'p')
       UNION ALL SELECT format('ALTER FUNCTION %s OWNER TO ${HOST}', oid::regprocedure) FROM pg_proc
       WHERE pronamespace IN ('mag'::regnamespace, 'mag_ext'::regnamespace)`,
    );
    for (const { change } of rows) await database.pool.query(change);
    const address = new URL(database.url);
    address.username = HOST;
    address.password = 'x';
    adapter = await createMagdsAdapter({
      url: address.href,
      logger: silentLogger,
      side: createExtensionSide({ logId: null }),
    });
  });

  afterAll(async () => {
    await adapter[Symbol.asyncDispose]();
    await database.pool.query(
      `REASSIGN OWNED BY ${HOST} TO CURRENT_USER; DROP OWNED BY ${HOST}; DROP ROLE ${HOST}`,
    );
    await database.drop();
  });

  const query = (sql: string) =>
    adapter.executeHook('execute_query', { caller: callerOf(NOTES), params: { sql } });

  it('provisions, migrates, grants and removes', async () => {
    const { data } = adapter;
    const files = [migration('0001_notes', 'CREATE TABLE notes (id serial, title text)')];
    await data.provision(NOTES);
    await data.migrate(NOTES, files);
    await data.syncGrants(NOTES, [grant(NOTES, 'database.read')]);
    expect(await query("INSERT INTO notes (title) VALUES ('x') RETURNING title")).toMatchObject({
      rowCount: 1,
    });

    await database.pool.query('CREATE TABLE public.strange (id int)');
    await database.pool.query(
      `CREATE TABLE public.familiar (id int); ALTER TABLE public.familiar OWNER TO ${HOST}`,
    );
    await data.syncGrants(NOTES, [grant(NOTES, 'database.read')]);
    expect(await query('SELECT * FROM public.familiar')).toMatchObject({ rowCount: 0 });
    await expect(query('SELECT * FROM public.strange')).rejects.toMatchObject({ code: 'E_DB' });

    await data.deprovision(NOTES, { dropData: false });
    await data.provision(NOTES);
    expect(await query('SELECT title FROM notes')).toMatchObject({ rows: [{ title: 'x' }] });

    await data.deprovision(NOTES, { dropData: true });
    expect(await data.exists(NOTES)).toBe(false);
  });
});
