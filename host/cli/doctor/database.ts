import { messageOf } from '../../../kernel/errors.ts';
import { openDatabase } from '../../storage/database.ts';
import { loadPostgresBinaries } from '../../storage/embedded-binaries.ts';
import { findPostgresTools, type ToolSearch } from '../../storage/postgres-tools.ts';
import { postgresDegradation } from '../../storage/postgres-version.ts';
import { type Finding, fail, ok, warn } from './finding.ts';
import { runProgram } from './run-program.ts';

const UPDATE = 'update Postgres to the newest release of its major version';

/** Whether backups can be made of it: the tools of Postgres are no part of what `npm ci` brings. */
export async function checkBackupTools(databaseUrl: string | null, search: ToolSearch): Promise<Finding> {
  const versionNum = await (databaseUrl === null ? embeddedVersion() : externalVersion(databaseUrl)).catch(
    () => null,
  );
  if (versionNum === null)
    return warn('backups', 'the database is not known', 'see the check of the database');
  return findPostgresTools(search, versionNum).then(
    ({ version }) => ok('backups', `pg_dump and pg_restore ${version}`),
    (error: unknown) => warn('backups', messageOf(error), 'install the client programs of Postgres'),
  );
}

async function externalVersion(url: string): Promise<number> {
  await using database = await openDatabase(url, { maxConnections: 1 });
  return database.versionNum;
}

/** `null`: it does not run. */
async function embeddedVersion(): Promise<number | null> {
  const { initdb } = await loadPostgresBinaries();
  const [, major, minor] =
    /PostgreSQL\) (\d+)\.(\d+)/.exec((await runProgram(initdb, ['--version'])).output) ?? [];
  return major && minor ? Number(major) * 10_000 + Number(minor) : null;
}

/** The Postgres of `DATABASE_URL`, else the one that came with `npm ci`. */
export async function checkDatabase(databaseUrl: string | null): Promise<Finding> {
  return databaseUrl === null ? checkEmbedded() : checkExternal(databaseUrl);
}

async function checkExternal(url: string): Promise<Finding> {
  try {
    await using database = await openDatabase(url, { maxConnections: 1 });
    const major = Math.floor(database.versionNum / 10_000);
    return judged(`Postgres ${major}.${database.versionNum % 10_000} at DATABASE_URL`, database.versionNum);
  } catch (error) {
    return fail('database', messageOf(error), 'check DATABASE_URL, and that this machine may connect');
  }
}

async function checkEmbedded(): Promise<Finding> {
  const remedy = 'run npm ci on this machine, or set DATABASE_URL';
  try {
    const { initdb } = await loadPostgresBinaries();
    const ran = await runProgram(initdb, ['--version']);
    const [, major, minor] = /PostgreSQL\) (\d+)\.(\d+)/.exec(ran.output) ?? [];
    if (ran.code !== 0 || !major || !minor) {
      return fail('database', `the embedded Postgres does not run: ${ran.output}`, remedy);
    }
    return judged(`Postgres ${major}.${minor}, embedded`, Number(major) * 10_000 + Number(minor));
  } catch (error) {
    return fail('database', messageOf(error), remedy);
  }
}

function judged(what: string, versionNum: number): Finding {
  const degradation = postgresDegradation(versionNum);
  return degradation === null ? ok('database', what) : warn('database', `${what}. ${degradation}`, UPDATE);
}
