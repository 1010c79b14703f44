import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { pino } from 'pino';
import { MagError } from '../../../kernel/errors.ts';
import type { Json } from '../../../manifests/json.ts';
import { ROOT_DIR } from '../../paths.ts';
import { startEmbeddedPostgres } from '../../storage/embedded-postgres.ts';
import { createTemporaryFolder } from '../demo/temporary-folder.ts';
import { Reported } from '../reported.ts';
import type { Session } from '../session.ts';
import { UsageError } from '../usage-error.ts';
import { onInterrupt } from './interruption.ts';

export interface TestOptions {
  /** The project of the extension. */
  readonly dir: string;
  /** Which test files: parts of their paths. Empty: all. */
  readonly files: readonly string[];
  /** Goes on, and tests again after every change. */
  readonly watch: boolean;
  /** A Postgres server that test hosts make their databases on. Default: an embedded one, for this run. */
  readonly database?: string;
}

/**
 * Runs the vitest of an extension's project, whose tests may start hosts of this MagFlock (`@magflock/sdk/harness`).
 * @throws `E_NOT_FOUND` when the project has no vitest; Reported when a test failed
 */
export async function runTest(session: Session, options: TestOptions): Promise<void> {
  const { terminal, output } = session;
  if (output.format === 'yaml') throw new UsageError('extension:test prints a table or json');
  if (options.watch && output.format === 'json') throw new UsageError('--watch has no end to print as json');
  const dir = resolve(terminal.cwd, options.dir);
  const vitest = await findVitest(dir);
  using interruption = onInterrupt();
  await using opened = new AsyncDisposableStack();
  const folder = opened.use(await createTemporaryFolder('mag-test-'));
  const database = options.database ?? (await openDatabase(session, folder.path, opened));
  interruption.signal.throwIfAborted();
  const report = output.format === 'json' ? join(folder.path, 'report.json') : null;
  const child = spawn(process.execPath, [vitest, ...argumentsOf(options, report)], {
    cwd: dir,
    // What starts a host in there is told where MagFlock is, and where there is a database.
    env: { ...terminal.env, MAG_HOME: ROOT_DIR, MAG_TEST_DATABASE: database },
    stdio: ['inherit', report === null ? 'inherit' : 'ignore', 'inherit'],
  });
  const [exitCode] = await once(child, 'close');
  if (report !== null) output.print(await readReport(report), () => '');
  if (exitCode !== 0) throw new Reported('the tests failed');
}

function argumentsOf({ watch, files }: TestOptions, report: string | null): string[] {
  const reporter = report === null ? [] : ['--reporter=json', `--outputFile=${report}`];
  return [watch ? 'watch' : 'run', ...reporter, ...files];
}

/** What vitest says of its run, in the format of Jest. */
async function readReport(file: string): Promise<Json> {
  const text = await readFile(file, 'utf8').catch(() => null);
  return text === null ? { success: false, testResults: [] } : (JSON.parse(text) as Json);
}

async function findVitest(dir: string): Promise<string> {
  try {
    const file = createRequire(join(dir, 'package.json')).resolve('vitest/package.json');
    const { bin } = JSON.parse(await readFile(file, 'utf8')) as { bin: { vitest: string } };
    return join(dirname(file), bin.vitest);
  } catch (cause) {
    throw new MagError('E_NOT_FOUND', `there is no vitest in ${dir}: run npm install there first`, { cause });
  }
}

/** One server for all hosts of the run: each makes a database of its own on it. */
async function openDatabase(
  { terminal }: Session,
  dataDir: string,
  opened: AsyncDisposableStack,
): Promise<string> {
  const logger = pino({ level: 'error', base: null }, terminal.stderr);
  return opened.use(await startEmbeddedPostgres({ dataDir, logger, durable: false })).url;
}
