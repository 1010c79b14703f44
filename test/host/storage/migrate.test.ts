import { randomBytes } from 'node:crypto';
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

  it('opens the functions of the host to extensions that were there before', async () => {
    for (const name of await readdir(folder)) if (name >= '0013') await rm(join(folder, name));
    await migrate(database, folder);
    const role = `ext_old_${randomBytes(6).toString('hex')}`;
    await database.query(`CREATE ROLE ${role} LOGIN`);
    try {
      await database.query(
        "INSERT INTO mag.extension_roles VALUES ('acme/old', $1, 'x'), ('acme/lost', 'ext_no_such_role', 'x')",
        [role],
      );
      await migrate(database);
      const [may] = await database.query(
        `SELECT has_schema_privilege($1, 'mag_ext', 'USAGE') AS uses, has_schema_privilege($1, 'mag', 'USAGE') AS enters,
           has_function_privilege($1, 'mag_ext.publish(json)', 'EXECUTE') AS calls`,
        [role],
      );
      expect(may).toEqual({ uses: true, enters: false, calls: true });
    } finally {
      await database.query(`DROP OWNED BY ${role}`);
      await database.query(`DROP ROLE ${role}`);
    }
  });

  it('refuses a migration that changed after it ran', async () => {
    await migrate(database, folder);
    await writeFile(join(folder, '0002_audit.sql'), 'SELECT 1');
    await expect(migrate(database, folder)).rejects.toMatchObject({ code: 'E_CONFIG' });
  });

  it('refuses a database that a newer host migrated', async () => {
    const newest = Math.max(...(await readdir(folder)).map((name) => Number(name.slice(0, 4))));
    const next = `${String(newest + 1).padStart(4, '0')}_future.sql`;
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

  it.each(['0017_twin.sql', 'late.sql', '99_short.sql'])(
    'refuses %s, which has no number of its own',
    async (name) => {
      await writeFile(join(folder, name), 'SELECT 1');
      await expect(migrate(database, folder)).rejects.toMatchObject({ code: 'E_INTERNAL' });
    },
  );

  it('fills a gap in the numbers when what belongs there comes', async () => {
    await writeFile(join(folder, '0099_after.sql'), 'CREATE TABLE mag.after_gap ()');
    expect(await migrate(database, folder)).toContain('0099_after');
    await writeFile(join(folder, '0098_gap.sql'), 'CREATE TABLE mag.gap ()');
    expect(await migrate(database, folder)).toEqual(['0098_gap']);
  });
});
