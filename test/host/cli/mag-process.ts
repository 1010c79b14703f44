import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const MAG = resolve(import.meta.dirname, '../../../host/cli/mag.ts');
const DEADLINE_MS = 120_000;

export interface MagRun {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface MagOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Called with everything on stdout so far; `true` ends the program, for commands that never end. */
  readonly until?: (stdout: string) => boolean;
  /** Until it is killed. */
  readonly deadlineMs?: number;
}

/** Runs the real program in a process of its own, with nothing of this environment. */
export function mag(
  args: readonly string[],
  { cwd, env = {}, until, deadlineMs = DEADLINE_MS }: MagOptions,
): Promise<MagRun> {
  return new Promise((done, reject) => {
    const child = spawn(process.execPath, [MAG, ...args], {
      cwd,
      env: { PATH: process.env.PATH, MAG_DATA_DIR: join(cwd, 'data'), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: deadlineMs,
      killSignal: 'SIGKILL',
    });
    const out = { stdout: '', stderr: '' };
    child.stdout.on('data', (chunk: Buffer) => {
      out.stdout += chunk.toString();
      if (until?.(out.stdout)) child.kill('SIGKILL');
    });
    child.stderr.on('data', (chunk: Buffer) => {
      out.stderr += chunk.toString();
    });
    child.once('error', reject);
    child.once('close', (exitCode) => done({ exitCode, ...out }));
  });
}

export interface Folder extends AsyncDisposable {
  readonly path: string;
}

export async function temporaryFolder(): Promise<Folder> {
  const path = await mkdtemp(join(tmpdir(), 'mag-cli-test-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}
