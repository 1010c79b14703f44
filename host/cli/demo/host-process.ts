import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { MagError } from '../../../kernel/errors.ts';
import { freePort } from '../../free-ports.ts';
import { endLeftServer } from './left-server.ts';

const MAIN = resolve(fileURLToPath(import.meta.url), '../../../main.ts');
/** Nothing else is inherited: the demo must not touch a database or host that the shell names. */
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const READY_DEADLINE_MS = 90_000;
const STOP_DEADLINE_MS = 30_000;

/** A host of its own on a throw-away data folder. */
export interface HostProcess extends AsyncDisposable {
  readonly url: string;
  readonly token: string;
  readonly dataDir: string;
  /** What the commands of the demo are given to find it. */
  readonly env: Readonly<Record<string, string>>;
}

/**
 * Boots the real host in a process of its own and waits until it is ready.
 * @throws `E_UNREACHABLE` with the end of its log when it does not get there
 */
export async function startHost(folder: string, signal: AbortSignal): Promise<HostProcess> {
  const [dataDir, logFile] = [join(folder, 'data'), join(folder, 'host.log')];
  const port = await freePort();
  const own = {
    MAG_HOST: '127.0.0.1',
    MAG_PORT: String(port),
    MAG_DATA_DIR: dataDir,
    MAG_PREINSTALL: 'none',
  };
  const env = { PATH, TMPDIR: tmpdir(), ...own };
  const log = await open(logFile, 'w');
  // A process group of its own: Ctrl-C reaches the demo alone, which then ends the host in order.
  const child = spawn(process.execPath, [MAIN], {
    cwd: folder,
    env,
    stdio: ['ignore', log.fd, log.fd],
    detached: true,
  });
  await log.close();
  const stop = async () => {
    await stopHost(child);
    await endLeftServer(dataDir);
  };
  const url = `http://127.0.0.1:${port}`;
  try {
    await untilReady(child, url, signal);
    const token = (await readFile(join(dataDir, 'admin.token'), 'utf8')).trim();
    return { url, token, dataDir, env: { ...env, MAG_URL: url }, [Symbol.asyncDispose]: stop };
  } catch (cause) {
    await stop();
    if (signal.aborted) throw cause;
    const tail = (await readFile(logFile, 'utf8')).trim().split('\n').slice(-5).join('\n');
    throw new MagError('E_UNREACHABLE', `the host of the demo did not start: ${tail}`, { cause });
  }
}

async function untilReady(child: ChildProcess, url: string, signal: AbortSignal): Promise<void> {
  const giveUp = Date.now() + READY_DEADLINE_MS;
  for (;;) {
    signal.throwIfAborted();
    if (child.exitCode !== null || child.signalCode !== null) throw new Error('it ended');
    if (Date.now() > giveUp) throw new Error('it took too long');
    const ready = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(2_000) }).catch(() => null);
    if (ready?.ok) return;
    await sleep(100);
  }
}

/** Idempotent. A host that does not end in order is killed. */
async function stopHost(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_DEADLINE_MS);
  await ended;
  clearTimeout(timer);
}
