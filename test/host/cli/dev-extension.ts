import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';

const MAG = resolve(import.meta.dirname, '../../../host/cli/mag.ts');

/** Time enough for a call on a machine that does other things. */
const LIMITS = { wallMs: 10_000, cpuMs: 1_000 };

/** Writes the folder of an extension whose source is TypeScript. @returns its path */
export async function writeExtension(
  parent: string,
  endpoints: readonly string[],
  source: string,
  limits = LIMITS,
): Promise<string> {
  const dir = join(parent, 'probe');
  const manifest = {
    manifestVersion: 1,
    kind: 'extension',
    id: 'acme/probe',
    version: '1.0.0',
    displayName: 'probe',
    description: 'An extension of a test.',
    license: 'MIT',
    engines: { magflock: '^1.0.0' },
    entry: 'dist/index.js',
    capabilities: [{ name: 'api.register_endpoint', reason: 'Serves its endpoints.' }],
    contributes: {
      endpoints: endpoints.map((key) => {
        const [method, path] = key.split(' ');
        return { method, path, auth: 'user' };
      }),
    },
    limits,
  };
  const files = { 'manifest.json': JSON.stringify(manifest), 'src/index.ts': source };
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(dir, name)), { recursive: true });
    await writeFile(join(dir, name), text);
  }
  return dir;
}

/** `mag` in a process of its own that goes on until it is told to stop. */
export class LongMag {
  readonly child: ChildProcess;
  stdout = '';
  stderr = '';

  /** @param tmp where its temporary folders go, so that a test sees what is left of them */
  constructor(args: readonly string[], cwd: string, tmp: string) {
    this.child = spawn(process.execPath, [MAG, ...args], {
      cwd,
      env: { PATH: process.env.PATH, TMPDIR: tmp },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child.stdout?.on('data', (chunk: Buffer) => {
      this.stdout += chunk.toString();
    });
    this.child.stderr?.on('data', (chunk: Buffer) => {
      this.stderr += chunk.toString();
    });
  }

  /** The lines of JSON on stdout that are whole; waits until there are so many. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  async lines(count: number): Promise<any[]> {
    for (;;) {
      const whole = this.stdout.split('\n').slice(0, -1);
      if (whole.length >= count) return whole.map((line) => JSON.parse(line));
      if (this.child.exitCode !== null) throw new Error(`it ended: ${this.stderr}`);
      await new Promise((done) => setTimeout(done, 20));
    }
  }

  /** Ctrl-C; resolves with the exit code. */
  async interrupt(): Promise<number | null> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      const ended = once(this.child, 'exit');
      this.child.kill('SIGINT');
      await ended;
    }
    return this.child.exitCode;
  }
}

/** What is left in a folder for temporary things. */
export async function leftIn(tmp: string): Promise<string[]> {
  const names = await readdir(tmp);
  return names.filter((name) => name.startsWith('mag-'));
}
