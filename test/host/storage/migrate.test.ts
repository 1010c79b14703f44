import { copyFile, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Database, openDatabase } from '../../../host/storage/database.ts';
import { migrate } from '../../../host/storage/migrate.ts';
import { createEmptyDatabase, type TestDatabase } from '../../support/database.ts';

const REAL = join(import.meta.dirname, '../../../host/storage/migrations');

describe('migrate', () => {
  let test: TestDatabase;
  let database: Database;
  let folder: string;

  beforeEach(async () => {
    test = await createEmptyDatabase();
    database = await openDatabase(test.url);
    folder = await mkdtemp(join(tmpdir(), 'magflock-migrations-'));
    for (const name of await readdir(REAL)) await copyFile(join(REAL, name), join(folder, name));
  });
  afterEach(async () => {
    await database.close();
    await test.drop();
    await rm(folder, { recursive: true });
  });

  it('runs what has not run yet, once', async () => {
    expect((await migrate(database)).at(0)).toBe('0001_registry');
    expect(await migrate(database)).toEqual([]);
  });

  it('lets hosts that start together migrate once', async () => {
    await using second = await openDatabase(test.url);
    const ran = await Promise.all([migrate(database), migrate(second)]);
    expect(ran.flat()).toHaveLength((await readdir(REAL)).length);
  });

  it('refuses a migration that changed after it ran', async () => {
    await migrate(database, folder);
    await writeFile(join(folder, '0002_audit.sql'), 'SELECT 1');
    await expect(migrate(database, folder)).rejects.toMatchObject({ code: 'E_CONFIG' });
  });

  it('refuses a database that a newer host migrated', async () => {
    const next = `${String((await readdir(folder)).length + 1).padStart(4, '0')}_future.sql`;
    await writeFile(join(folder, next), 'CREATE TABLE mag.future ()');
    await migrate(database, folder);
    await expect(migrate(database)).rejects.toMatchObject({ code: 'E_CONFIG' });
  });

  it('leaves nothing behind when one of them fails', async () => {
    await writeFile(join(folder, '0002_audit.sql'), 'SELECT nonsense');
    await expect(migrate(database, folder)).rejects.toMatchObject({ code: 'E_STORAGE' });
    const left = await database.query("SELECT 1 FROM pg_namespace WHERE nspname = 'mag'");
    expect(left).toEqual([]);
  });

  it('refuses a user who may not create the schema', async () => {
    const name = new URL(test.url).pathname.slice(1);
    await database.query(`CREATE ROLE "${name}" LOGIN PASSWORD 'weak'`);
    const weak = new URL(test.url);
    weak.username = name;
    weak.password = 'weak';
    {
      await using other = await openDatabase(weak.href);
      await expect(migrate(other)).rejects.toMatchObject({ code: 'E_CONFIG' });
    }
    await database.query(`DROP ROLE "${name}"`);
  });

  it('refuses files that are not numbered one after the other', async () => {
    await writeFile(join(folder, '0099_gap.sql'), 'SELECT 1');
    await expect(migrate(database, folder)).rejects.toMatchObject({ code: 'E_INTERNAL' });
  });
});
