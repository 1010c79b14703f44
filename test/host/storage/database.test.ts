import { createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Database, openDatabase } from '../../../host/storage/database.ts';
import { messageOf } from '../../../kernel/errors.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';

const SECRET = 'hunter2hunter2';

describe('openDatabase', () => {
  let test: TestDatabase;
  let database: Database;
  beforeAll(async () => {
    test = await createTestDatabase();
    database = await openDatabase(test.url);
  });
  afterAll(async () => {
    await database.close();
    await test.drop();
  });

  const changed = (change: (url: URL) => void): string => {
    const url = new URL(test.url);
    change(url);
    return url.href;
  };
  const unusable: [string, () => string][] = [
    [
      'another password',
      () =>
        changed((url) => {
          url.password = SECRET;
        }),
    ],
    [
      'another user',
      () =>
        changed((url) => {
          url.username = 'nobody';
          url.password = SECRET;
        }),
    ],
    [
      'another database',
      () =>
        changed((url) => {
          url.pathname = '/absent';
        }),
    ],
    ['a port nobody listens at', () => `postgresql://mag:${SECRET}@127.0.0.1:1/mag`],
    ['a host that does not exist', () => `postgresql://mag:${SECRET}@nowhere.invalid/mag`],
    ['a socket folder that does not exist', () => `postgresql://mag:${SECRET}@%2Fnowhere/mag`],
    ['another scheme', () => `mysql://mag:${SECRET}@127.0.0.1/mag`],
    ['no URL', () => SECRET],
    ['a broken URL', () => `postgresql://mag:${SECRET}@:x:/%zz`],
  ];
  it.each(unusable)('refuses %s in one line that shows no secret', async (_, url) => {
    const error = await openDatabase(url()).then(
      () => null,
      (thrown: unknown) => thrown,
    );
    expect(error).toMatchObject({ code: 'E_CONFIG' });
    expect(messageOf(error)).toMatch(/^DATABASE_URL: [^\n]+$/);
    expect(messageOf(error)).not.toContain(SECRET);
  });

  it('refuses a server that hangs up', async () => {
    const server = createServer((socket) => socket.destroy());
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    const address = server.address();
    const port = address !== null && typeof address === 'object' ? address.port : 0;
    await expect(openDatabase(`postgresql://mag@127.0.0.1:${port}/mag`)).rejects.toMatchObject({
      code: 'E_CONFIG',
    });
    await new Promise((closed) => server.close(closed));
  });

  it('refuses a database that cannot hold every text', async () => {
    const name = `${new URL(test.url).pathname.slice(1)}_ascii`;
    await test.pool.query(
      `CREATE DATABASE ${name} TEMPLATE template0 ENCODING SQL_ASCII LOCALE_PROVIDER libc LOCALE 'C'`,
    );
    const url = changed((other) => {
      other.pathname = `/${name}`;
    });
    await expect(openDatabase(url)).rejects.toMatchObject({ code: 'E_CONFIG' });
    await test.pool.query(`DROP DATABASE ${name}`);
  });

  it('knows the version of the server', () => {
    expect(database.versionNum).toBeGreaterThanOrEqual(150_000);
  });

  it('reports a refused statement without showing it', async () => {
    const error = await database.query("SELECT 'hunter2' FROM nowhere").catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'E_STORAGE', cause: { code: '42P01' } });
    expect(messageOf(error)).not.toContain('hunter2');
  });

  it('says that the disk is full, not that nobody answers', async () => {
    const full = "DO $$ BEGIN RAISE SQLSTATE '53100'; END $$";
    await expect(database.query(full)).rejects.toMatchObject({
      code: 'E_STORAGE',
      message: 'The disk of the database is full.',
    });
  });

  it('cancels a statement that runs too long', async () => {
    // Long enough for what is asked when it is opened, on a machine that does other things.
    await using impatient = await openDatabase(test.url, { statementTimeoutMs: 1_000 });
    await expect(impatient.query('SELECT pg_sleep(60)')).rejects.toMatchObject({
      code: 'E_STORAGE',
      cause: { code: '57014' },
    });
  });

  it('commits a transaction, or rolls all of it back', async () => {
    await database.query('CREATE TABLE t (n int)');
    await database.transaction(async (transaction) => {
      await transaction.query('INSERT INTO t VALUES ($1)', [1]);
    });
    const failure = new Error('no');
    const failed = database.transaction(async (transaction) => {
      await transaction.query('INSERT INTO t VALUES (2)');
      throw failure;
    });
    await expect(failed).rejects.toBe(failure);
    expect(await database.query('SELECT n FROM t')).toEqual([{ n: 1 }]);
  });

  it('survives the loss of a connection in the middle', async () => {
    const lost = database.transaction(async (transaction) => {
      const [row] = await transaction.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
      await test.pool.query('SELECT pg_terminate_backend($1)', [row?.pid]);
      await transaction.query('SELECT 1');
    });
    await expect(lost).rejects.toMatchObject({ code: 'E_STORAGE' });
    expect(await database.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('answers E_STORAGE once closed', async () => {
    const closed = await openDatabase(test.url);
    await closed.close();
    await closed.close();
    await expect(closed.query('SELECT 1')).rejects.toMatchObject({ code: 'E_STORAGE' });
    await expect(closed.transaction(async () => {})).rejects.toMatchObject({ code: 'E_STORAGE' });
  });
});
