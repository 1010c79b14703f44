import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ROOT_DIR } from '../../host/paths.ts';
import { until } from './host.ts';

/** On a machine that does many other things. */
const READY_DEADLINE_MS = 120_000;
/** Nothing but what the test asks for. */
const QUIET = { MAG_LOG_LEVEL: 'error', MAG_PREINSTALL: 'none', MAG_SPARE_CELLS: '0' };
const MAIN = join(ROOT_DIR, 'host/main.ts');

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A host as a process of its own. */
export class HostProcess {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  readonly #dataDir: string;
  #stdout = '';
  #stderr = '';

  /**
   * @param env names its data folder, at least
   * @param options.ownGroup whether it leads a process group, as a program that a shell starts does
   * @param options.main of another checkout
   */
  constructor(
    env: Readonly<Record<string, string>> & { readonly MAG_DATA_DIR: string },
    { ownGroup = false, main = MAIN } = {},
  ) {
    this.#dataDir = env.MAG_DATA_DIR;
    this.child = spawn(process.execPath, [main], {
      env: { ...QUIET, PATH: process.env.PATH ?? '', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: ownGroup,
    });
    this.child.stdout?.on('data', (chunk) => (this.#stdout += chunk));
    this.child.stderr?.on('data', (chunk) => (this.#stderr += chunk));
    this.ended = once(this.child, 'close').then(([code]) => ({
      code,
      stdout: this.#stdout,
      stderr: this.#stderr,
    }));
  }

  get pid(): number {
    if (this.child.pid === undefined) throw new Error('the host was not started');
    return this.child.pid;
  }

  /** Resolves with its address when it serves. */
  async ready(): Promise<string> {
    const text = await until(
      async () => this.#stdout,
      (out) => out.includes('is ready at') || this.child.exitCode !== null,
      READY_DEADLINE_MS,
    );
    const url = /ready at (\S+)/.exec(text)?.[1];
    if (url === undefined) throw new Error(`it did not start: ${this.#stderr}`);
    return url;
  }

  async token(): Promise<string> {
    return (await readFile(join(this.#dataDir, 'admin.token'), 'utf8')).trim();
  }

  async kill(signal: NodeJS.Signals): Promise<Ended> {
    this.child.kill(signal);
    return this.ended;
  }
}
