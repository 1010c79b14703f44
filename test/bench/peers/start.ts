import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '../../../host/free-ports.ts';
import { BUILD_DIR } from '../../../host/paths.ts';

/** What the host is compared with is a process of its own too. */
export interface Peer extends AsyncDisposable {
  readonly url: string;
  readonly pid: number;
}

const WORKERD = 'workerd@1.20261117.1';
const FOLDER = join(BUILD_DIR, 'bench-peers');

export async function startFastify(): Promise<Peer> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'fastify.ts')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = await once(child.stdout, 'data');
  return { url: String(line).trim(), pid: child.pid ?? 0, [Symbol.asyncDispose]: () => end(child) };
}

/** Installs it the first time. `null`, and a line that says why, where it cannot be had. */
export async function startWorkerd(): Promise<Peer | null> {
  const bin = join(FOLDER, 'node_modules/workerd/bin/workerd');
  try {
    await access(bin).catch(() => install());
    const port = await freePort();
    const at = `127.0.0.1:${port}`;
    const args = ['serve', join(import.meta.dirname, 'workerd.capnp'), `--socket-addr=http=${at}`];
    const child = spawn(bin, args, { stdio: ['ignore', 'ignore', 'inherit'] });
    await answers(`http://${at}/greet/x`);
    return { url: `http://${at}`, pid: child.pid ?? 0, [Symbol.asyncDispose]: () => end(child) };
  } catch (error) {
    process.stdout.write(
      `skipped: workerd cannot be run here (${error instanceof Error ? error.message : error})\n`,
    );
    return null;
  }
}

async function install(): Promise<void> {
  process.stdout.write(`installing ${WORKERD} below .build\n`);
  const args = ['install', '--prefix', FOLDER, '--no-save', '--no-audit', '--no-fund', WORKERD];
  await promisify(execFile)('npm', args);
}

async function answers(url: string): Promise<void> {
  for (let tries = 0; ; tries++) {
    const isThere = await fetch(url).then(
      ({ ok }) => ok,
      () => false,
    );
    if (isThere) return;
    if (tries > 100) throw new Error('it does not answer');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function end(child: ReturnType<typeof spawn>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  await once(child, 'exit');
}
