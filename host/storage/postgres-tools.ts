import { spawn } from 'node:child_process';
import { access, constants, readdir, realpath } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { MagError } from '../../kernel/errors.ts';
import type { ConnectionTarget } from './database-server.ts';

/** `pg_dump` and `pg_restore` of one release. */
export interface PostgresTools {
  readonly dump: string;
  readonly restore: string;
  /** `15.19` */
  readonly version: string;
}

export interface ToolSearch {
  /** The only folder to look into; `null`: those of the system. */
  readonly folder: string | null;
  /** Folders of programs, separated as the system does. */
  readonly path: string;
}

/**
 * The first release of each major version whose `pg_restore` cannot be made to run SQL, as the host, by what a
 * table is called (CVE-2025-8714, CVE-2025-8715): extensions choose such names.
 */
const FLOORS: ReadonlyMap<number, number> = new Map([
  [13, 22],
  [14, 19],
  [15, 14],
  [16, 10],
  [17, 6],
]);

/**
 * The tools that are closest to the server, and not older: older ones do not read it, and newer ones write
 * settings that it may not know.
 * @param serverVersion `server_version_num`
 * @throws `E_BACKUP_TOOLS` naming what was found
 */
export async function findPostgresTools(search: ToolSearch, serverVersion: number): Promise<PostgresTools> {
  const major = Math.floor(serverVersion / 10_000);
  const folders = await Promise.all((await foldersOf(search)).map((one) => realpath(one).catch(() => one)));
  const found = await Promise.all([...new Set(folders)].map(toolsIn)); // `/bin` is `/usr/bin` on many
  const tools = found.filter((one) => one !== null);
  const suitable = tools.filter((one) => majorOf(one) >= major && isSafe(one));
  suitable.sort((a, b) => majorOf(a) - majorOf(b) || minorOf(b) - minorOf(a));
  const [best] = suitable;
  if (best !== undefined) return best;
  const versions = [...new Set(tools.map(({ version }) => version))].sort();
  const seen = versions.length === 0 ? 'none was found' : `found: ${versions.join(', ')}`;
  throw new MagError(
    'E_BACKUP_TOOLS',
    `Backups need pg_dump and pg_restore of Postgres ${major} or newer, in a release that is patched; ${seen}. Install them, or set MAG_PG_BIN to their folder.`,
  );
}

async function foldersOf({ folder, path }: ToolSearch): Promise<string[]> {
  if (folder !== null) return [folder];
  const debian = await readdir('/usr/lib/postgresql').catch(() => []);
  const others = await readdir('/usr').catch(() => []);
  return [
    // First: those in the PATH of Debian are a script that chooses one by itself.
    ...debian.map((version) => `/usr/lib/postgresql/${version}/bin`),
    ...others.filter((name) => name.startsWith('pgsql-')).map((name) => `/usr/${name}/bin`),
    ...path.split(delimiter).filter((entry) => entry.startsWith('/')),
  ];
}

async function toolsIn(folder: string): Promise<PostgresTools | null> {
  const [dump, restore] = [join(folder, 'pg_dump'), join(folder, 'pg_restore')];
  // Most folders have none, and even a program that is not there costs a fork of the host to be tried.
  const there = await Promise.all([isProgram(dump), isProgram(restore)]);
  if (there.includes(false)) return null;
  const [ofDump, ofRestore] = await Promise.all([versionOf(dump), versionOf(restore)]);
  return ofDump !== null && ofDump === ofRestore ? { dump, restore, version: ofDump } : null;
}

function isProgram(file: string): Promise<boolean> {
  return access(file, constants.X_OK).then(
    () => true,
    () => false,
  );
}

async function versionOf(program: string): Promise<string | null> {
  const ended = await run(program, ['--version'], {}, { signal: AbortSignal.timeout(10_000) }).catch(
    () => null,
  );
  return /\(PostgreSQL\) (\d+\.\d+)/.exec(ended?.stdout ?? '')?.[1] ?? null;
}

function majorOf({ version }: PostgresTools): number {
  return Number(version.split('.')[0]);
}

function minorOf({ version }: PostgresTools): number {
  return Number(version.split('.')[1]);
}

function isSafe(tools: PostgresTools): boolean {
  return minorOf(tools) >= (FLOORS.get(majorOf(tools)) ?? 0);
}

export interface ToolStreams {
  readonly input?: Readable;
  readonly output?: Writable;
  /** Ends the program. */
  readonly signal: AbortSignal;
}

const MAX_OUTPUT_CHARS = 16_000;

/**
 * Runs a tool on a database. Its environment holds the connection and nothing else; no argument names it.
 * @throws `E_BACKUP` with what it complained of, or the reason of the signal
 */
export async function runTool(
  program: string,
  args: readonly string[],
  target: ConnectionTarget,
  streams: ToolStreams,
): Promise<void> {
  const { code, stderr } = await run(program, args, connectionEnv(target), streams).catch(
    (cause: unknown) => {
      streams.signal.throwIfAborted();
      throw new MagError(
        'E_BACKUP',
        'A tool of Postgres could not be run, or its file not be read or written.',
        {
          cause,
        },
      );
    },
  );
  streams.signal.throwIfAborted();
  if (code !== 0) throw new MagError('E_BACKUP', complaintOf(stderr));
}

/** The first error line. It names tables and roles, never rows or the address. */
function complaintOf(stderr: string): string {
  const lines = stderr.split('\n').filter((line) => line.includes('error:'));
  const line = lines.find((text) => text.includes('ERROR:')) ?? lines[0] ?? 'it ended without saying why';
  return line.replace(/^pg_(dump|restore): error: /, '').slice(0, 500);
}

const SSL_PARAMETERS: Readonly<Record<string, string>> = {
  sslmode: 'PGSSLMODE',
  sslrootcert: 'PGSSLROOTCERT',
  sslcert: 'PGSSLCERT',
  sslkey: 'PGSSLKEY',
};

function connectionEnv(target: ConnectionTarget): Record<string, string> {
  const ssl = Object.entries(SSL_PARAMETERS).flatMap(([name, variable]) => {
    const value = target.parameters.get(name);
    // `no-verify` is a word of the driver alone.
    return value === undefined ? [] : [[variable, value === 'no-verify' ? 'require' : value] as const];
  });
  return {
    ...Object.fromEntries(ssl),
    PGHOST: target.host,
    PGPORT: String(target.port),
    PGUSER: target.user,
    PGPASSWORD: target.password,
    PGDATABASE: target.database,
    PGAPPNAME: target.applicationName,
    PGCONNECT_TIMEOUT: '10',
    PGTZ: 'UTC',
  };
}

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** @throws what `spawn` or a stream reports: `ENOENT`, `ENOSPC` */
function run(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  { input, output, signal }: ToolStreams,
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      env: { LC_ALL: 'C', PATH: '/usr/local/bin:/usr/bin:/bin', ...env },
      cwd: '/',
      stdio: ['pipe', 'pipe', 'pipe'],
      signal,
      killSignal: 'SIGKILL',
    });
    const texts = { stdout: '', stderr: '' };
    const collect = (name: 'stdout' | 'stderr') => (chunk: Buffer) => {
      if (texts[name].length < MAX_OUTPUT_CHARS) texts[name] += chunk.toString();
    };
    const fail = (error: Error) => {
      child.kill('SIGKILL');
      reject(error);
    };
    child.stderr.on('data', collect('stderr'));
    if (output === undefined) child.stdout.on('data', collect('stdout'));
    else child.stdout.pipe(output).on('error', fail);
    child.stdin.on('error', () => {}); // it ended before it read all: its code says why
    if (input === undefined) child.stdin.end();
    else input.on('error', fail).pipe(child.stdin);
    child.once('error', fail);
    child.once('close', (code) => {
      input?.destroy(); // it may not have been read to its end
      resolve({ code, ...texts });
    });
  });
}
