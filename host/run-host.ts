import { flushCompileCache } from 'node:module';
import { type Logger, pino } from 'pino';
import { MagError } from '../kernel/errors.ts';
import { type Host, startHost } from './compose.ts';
import type { Config } from './config.ts';

/** Longer than this a shutdown does not take: what is not stopped by then is left to the kernel of the system. */
const SHUTDOWN_MS = 9_500;

/** Runs a host until it is told to stop; exits the process with 0, or with 1 and one clear line. */
export async function runHost(config: Config): Promise<void> {
  const logger = createLogger(config.logLevel);
  const stopAsked = new Promise<string>((resolve) => {
    // Not once: `npm start` hands on the Ctrl-C that the terminal has sent already, and a second one would end
    // the host at once.
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => resolve(signal));
  });
  let host: Host;
  try {
    host = await startHost(config, logger);
  } catch (failure) {
    complain(failure, logger);
    process.exit(1);
  }
  greet(host);
  flushCompileCache(); // else only on a clean end, and a host may be killed
  const fenced = await Promise.race([host.fenced, stopAsked]);
  if (fenced instanceof MagError) {
    complain(fenced, logger);
    process.exit(1); // whoever supervises it starts it again, as a new host
  }
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

function greet({ url, mutualTlsUrl, tokenFile }: Host): void {
  process.stdout.write(
    [
      `MagFlock is ready at ${url} (API reference: ${url}/docs)`,
      ...(mutualTlsUrl === null ? [] : [`  mutual TLS:  ${mutualTlsUrl}`]),
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
