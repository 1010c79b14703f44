import { type Command, InvalidArgumentError, Option } from 'commander';
import { example } from '../example.ts';
import { countUpTo } from '../options.ts';
import type { OpenSession } from '../session.ts';
import { UsageError } from '../usage-error.ts';

interface HostOptions {
  readonly database?: string;
  readonly config?: string;
}

interface DevOptions extends HostOptions {
  /** `true`: any port. */
  readonly inspect?: number | true;
}

interface TestOptions {
  readonly watch?: boolean;
  readonly database?: string;
}

interface ProfileOptions extends HostOptions {
  readonly call: readonly string[];
  readonly seconds: number;
  readonly calls?: number;
  readonly out?: string;
}

const DATABASE = 'a Postgres server to make a throw-away database on (default: an embedded one)';
const CONFIG = 'the configuration the extension is installed with';
const MAX_PORT = 65_535;
const MAX_SECONDS = 600;
const MAX_CALLS = 1_000_000;
const DEFAULT_SECONDS = 5;

/** Working on an extension: on the host that runs, or on a throw-away one that the command starts itself. */
export function addDevCommands(program: Command, open: OpenSession): void {
  program
    .command('extension:dev [dir]')
    .description('run what is in a folder on the host, anew after every change, until Ctrl-C')
    .option('--inspect [port]', 'on a throw-away host where DevTools and VS Code set breakpoints', toPort)
    .option('--database <url>', `with --inspect: ${DATABASE}`)
    .option('--config <file.json>', CONFIG)
    .addHelpText('after', example('extension:dev hello', 'extension:dev hello --inspect=9229'))
    .action(async (dir = '.', { inspect, ...options }: DevOptions, command: Command) => {
      if (inspect === undefined) {
        if (options.database !== undefined)
          throw new UsageError('--database goes with --inspect: without it the host has its own');
        const { runLive } = await import('../dev/run-live.ts');
        return runLive(open(command), { dir, ...options });
      }
      const { runDev } = await import('../dev/run-dev.ts');
      await runDev(open(command), { dir, ...options, inspectPort: inspect === true ? 0 : inspect });
    });
  program
    .command('extension:test [dir] [files...]')
    .description("run an extension's own tests, with the real sandbox and a real database at hand")
    .option('--watch', 'go on, and test again after every change')
    .option('--database <url>', 'a Postgres server to make test databases on (default: an embedded one)')
    .addHelpText('after', example('extension:test hello', 'extension:test hello unit --watch'))
    .action(async (dir = '.', files: string[], options: TestOptions, command: Command) => {
      const { runTest } = await import('../dev/run-test.ts');
      await runTest(open(command), { watch: false, ...options, dir, files });
    });
  program
    .command('extension:profile <dir>')
    .description('call an extension on a throw-away host and see where its time goes')
    .addOption(
      new Option('--call <request>', '"GET /greet/Ada", repeatable')
        .argParser(collect)
        .default([], 'each plain GET endpoint'),
    )
    .option('--seconds <count>', 'how long', countUpTo(MAX_SECONDS), DEFAULT_SECONDS)
    .addOption(
      new Option('--calls <count>', 'how often each').argParser(countUpTo(MAX_CALLS)).conflicts('seconds'),
    )
    .option('--out <file.cpuprofile>', 'where to (default: <publisher>-<name>-<version>.cpuprofile)')
    .option('--database <url>', DATABASE)
    .option('--config <file.json>', CONFIG)
    .addHelpText('after', example('extension:profile hello --call "GET /greet/Ada" --seconds 10 --yes'))
    .action(async (dir: string, { call, calls, ...options }: ProfileOptions, command: Command) => {
      const { runProfile } = await import('../dev/run-profile.ts');
      await runProfile(open(command), { dir, ...options, calls: call, rounds: calls ?? null });
    });
}

function toPort(value: string): number {
  const port = Number(value);
  if (/^\d+$/.test(value) && port <= MAX_PORT) return port;
  throw new InvalidArgumentError(`It takes a port from 0 to ${MAX_PORT}.`);
}

function collect(value: string, before: readonly string[]): string[] {
  return [...before, value];
}
