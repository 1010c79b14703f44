import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { inject } from 'vitest';
import { onServer } from './on-server.ts';

/** A database of its own for one test file, with the `mag` schema migrated. */
export interface TestDatabase {
  readonly url: string;
  readonly pool: pg.Pool;
  /** Ends the pool and removes the database, whoever is still connected. */
  drop(): Promise<void>;
}

/** Clones the template of this test run. Call it in `beforeAll` and `drop` in `afterAll`. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const server = inject('postgres');
  return create(server.url, `TEMPLATE ${server.template}`);
}

/** One without the `mag` schema, for what is about migrating. */
export function createEmptyDatabase(): Promise<TestDatabase> {
  return create(inject('postgres').url, '');
}

/** The same on another server. */
export function createDatabaseOn(serverUrl: string): Promise<TestDatabase> {
  return create(serverUrl, '');
}

async function create(serverUrl: string, from: string): Promise<TestDatabase> {
  const name = `mag_test_${randomBytes(8).toString('hex')}`;
  await onServer(serverUrl, `CREATE DATABASE ${name} ${from}`);
  const address = new URL(serverUrl);
  address.pathname = `/${name}`;
  const pool = new pg.Pool({ connectionString: address.href, max: 5 });
  // The drop below ends connections that are still open.
  pool.on('error', () => {});
  const drop = async (): Promise<void> => {
    await pool.end();
    await onServer(serverUrl, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
  };
  return { url: address.href, pool, drop };
}
