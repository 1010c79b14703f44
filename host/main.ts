import { type Logger, pino } from 'pino';
import { MagError } from '../kernel/errors.ts';
import { type Host, startHost } from './compose.ts';
import { type Config, environment, loadConfig } from './config.ts';

/** Longer than this a shutdown does not take: what is not stopped by then is left to the kernel of the system. */
const SHUTDOWN_MS = 9_500;

/** Runs a host until it is told to stop; exits the process with 0, or with 1 and one clear line. */
export async function runHost(config: Config): Promise<void> {
  const logger = createLogger(config.logLevel);
  const stopAsked = new Promise<string>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve(signal));
  });
  let host: Host;
  try {
    host = await startHost(config, logger);
  } catch (failure) {
    complain(failure, logger);
    process.exit(1);
  }
  greet(host);
  await stopAsked;
  await stop(host, logger);
}

async function stop(host: Host, logger: Logger): Promise<never> {
  setTimeout(() => {
    logger.error({}, 'the shutdown took too long; ending at once');
    process.exit(1);
  }, SHUTDOWN_MS).unref();
  process.stdout.write('MagFlock is stopping …\n');
  try {
    await host[Symbol.asyncDispose]();
  } catch (failure) {
    complain(failure, logger);
    process.exit(1);
  }
  process.stdout.write('MagFlock has stopped.\n');
  process.exit(0);
}

function greet({ url, tokenFile }: Host): void {
  process.stdout.write(
    [
      `MagFlock is ready at ${url} (API reference: ${url}/docs)`,
      `  admin token: ${tokenFile}`,
      '  next:        npx mag extension:new acme/hello --yes',
      '',
    ].join('\n'),
  );
}

/** One line for people; the log has the rest. */
function complain(failure: unknown, logger: Logger): void {
  if (failure instanceof MagError) {
    process.stderr.write(`error ${failure.code}: ${failure.message}\n`);
    logger.debug({ err: failure }, 'why it did not start');
  } else {
    logger.fatal({ err: failure }, 'a fault of MagFlock itself');
  }
}

/** JSON lines on standard error. Credentials in headers never reach it. */
function createLogger(level: string): Logger {
  return pino(
    { level, redact: ['req.headers.authorization', 'req.headers.cookie'], base: null },
    pino.destination({ dest: 2, sync: true }),
  );
}

if (import.meta.main) {
  let config: Config;
  try {
    config = loadConfig(environment(), process.cwd());
  } catch (failure) {
    process.stderr.write(
      `error ${failure instanceof MagError ? `${failure.code}: ${failure.message}` : String(failure)}\n`,
    );
    process.exit(1);
  }
  await runHost(config);
}
