import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Folder, temporaryFolder } from './mag-process.ts';

const MAG = resolve(import.meta.dirname, '../../../host/cli/mag.ts');
const DEADLINE_MS = 600_000;

// The demo makes its folder, and Postgres its sockets, below this one: what is left of it is seen.
let folder: Folder;
beforeAll(async () => {
  folder = await temporaryFolder();
  // Postgres of a root host runs as another account, which must get through.
  await chmod(folder.path, 0o711);
});
afterAll(() => folder[Symbol.asyncDispose]());

interface Play {
  readonly child: ChildProcess;
  readonly told: () => string;
  /** Resolves when the output has the text. */
  readonly until: (text: string) => Promise<void>;
}

function play(): Play {
  const env = {
    PATH: process.env.PATH,
    TMPDIR: folder.path,
    DATABASE_URL: 'postgres://nobody@127.0.0.1:1/x',
  };
  const child = spawn(process.execPath, [MAG, 'demo'], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let told = '';
  const listen = (chunk: Buffer) => {
    told += chunk.toString();
    child.emit('told');
  };
  child.stdout.on('data', listen);
  child.stderr.on('data', listen);
  const closed = once(child, 'close');
  const until = async (text: string) => {
    while (!told.includes(text)) {
      const [ended] = await Promise.race([
        once(child, 'told').then(() => [false]),
        closed.then(() => [true]),
      ]);
      if (ended) throw new Error(`the demo ended before it told "${text}": ${told}`);
    }
  };
  return { child, told: () => told, until };
}

/** Nobody listens any more where the host of the demo did. */
async function isGone(told: string): Promise<boolean> {
  const [, url] = /ready at (http:\S+)/.exec(told) ?? [];
  if (url === undefined) throw new Error(`the host never was ready: ${told}`);
  return fetch(`${url}/healthz`).then(
    () => false,
    () => true,
  );
}

describe('mag demo', { timeout: DEADLINE_MS }, () => {
  it('plays to the end, whatever database the shell names, and leaves nothing', async () => {
    const { child, told } = play();
    const [exitCode] = await once(child, 'close');
    expect(exitCode, told()).toBe(0);
    for (const code of ['E_SIG_UNTRUSTED', 'E_CAP_REVOKED', 'E_CAP_UNDECLARED'])
      expect(told()).toContain(code);
    expect(await isGone(told())).toBe(true);
    expect(await readdir(folder.path)).toEqual([]);
  });

  it('leaves nothing when it is interrupted, twice', async () => {
    const { child, told, until } = play();
    await until('extension:pack');
    child.kill('SIGINT');
    child.kill('SIGINT');
    const [exitCode] = await once(child, 'close');
    expect(exitCode).toBe(1);
    expect(told()).toContain('error E_SHUTDOWN');
    expect(await isGone(told())).toBe(true);
    expect(await readdir(folder.path)).toEqual([]);
  });

  it('fails, and leaves nothing, when its host is killed', async () => {
    const { child, told, until } = play();
    await until('extension:pack');
    for (const pid of await childrenOf(child.pid)) process.kill(pid, 'SIGKILL');
    const [exitCode] = await once(child, 'close');
    expect(exitCode).toBe(1);
    expect(await isGone(told())).toBe(true);
    expect(await readdir(folder.path)).toEqual([]);
  });
});

/** The host and the command that runs: all that the demo has started itself. */
async function childrenOf(parent: number | undefined): Promise<number[]> {
  const pids = (await readdir('/proc')).map(Number).filter(Number.isInteger);
  const parents = await Promise.all(pids.map(async (pid) => [pid, await parentOf(pid)] as const));
  return parents.filter(([, of]) => of === parent).map(([pid]) => pid);
}

/** The fourth field, behind the name in parentheses, which may hold anything. */
async function parentOf(pid: number): Promise<number> {
  const stat = await readFile(join('/proc', String(pid), 'stat'), 'utf8').catch(() => '');
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
}
