import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../../host/free-ports.ts';
import { ROOT_DIR } from '../../host/paths.ts';
import { copyCheckout } from '../support/checkout.ts';
import { plainEnvironment } from '../support/plain-environment.ts';

const PAGE = 'docs/guide/author.md';
/** What goes on until Ctrl-C, and what it says when it is there. */
const GOES_ON: readonly [command: RegExp, ready: string][] = [
  [/^npm start$/, 'is ready at'],
  [/^npx mag extension:dev .*--inspect$/, 'until Ctrl-C'],
  [/^npx mag extension:dev /, 'until Ctrl-C'],
];
/** Two installations by npm, a host, a review. */
const PATIENCE_MS = 1_200_000;

describe('the five minutes of the guide for authors', () => {
  let clone: string;
  let env: NodeJS.ProcessEnv;
  const terminals: Terminal[] = [];

  beforeAll(async () => {
    clone = await mkdtemp(join(tmpdir(), 'magflock-clone-'));
    await chmod(clone, 0o755); // cells run as another account when the tests run as root
    await copyCheckout(clone);
    env = { ...plainEnvironment(), MAG_PORT: String(await freePort()) };
  });
  afterAll(async () => {
    await Promise.allSettled(terminals.reverse().map((terminal) => terminal.interrupt()));
    await rm(clone, { recursive: true, force: true });
  });

  it(
    'work word for word in a clean clone',
    async () => {
      const blocks = await blocksOf('Five minutes, from nothing to published');
      expect(blocks.length).toBeGreaterThan(5);
      let last: Terminal | undefined;
      for (const block of blocks) {
        for (const line of block) {
          // The one word that differs: the usual port may be taken where tests run.
          const command = line.replace('127.0.0.1:7070', `127.0.0.1:${env.MAG_PORT}`);
          const ready = GOES_ON.find(([pattern]) => pattern.test(command))?.[1];
          if (command.startsWith('npx mag extension:') && last !== terminals[0]) await last?.interrupt();
          const terminal = new Terminal(command, clone, env);
          if (ready === undefined) await terminal.succeeds();
          else {
            last = terminal;
            terminals.push(terminal);
            await terminal.says(ready);
          }
          if (command.startsWith('curl')) expect(terminal.said).toContain('{"hello":"Ada","greetings":1}');
        }
      }
      const list = new Terminal('npx mag extension:list', clone, env);
      await list.succeeds();
      expect(list.said).toMatch(/acme\/hello\s+extension\s+1\.0\.0\s+enabled/);
    },
    PATIENCE_MS,
  );
});

/** The lines of each `sh` block of a section. */
async function blocksOf(section: string): Promise<string[][]> {
  const page = await readFile(join(ROOT_DIR, PAGE), 'utf8');
  const [, rest = ''] = page.split(`## ${section}\n`);
  const [body = ''] = rest.split('\n## ');
  return [...body.matchAll(/^```sh\n(.*?)\n```$/gms)].map(([, lines = '']) => lines.split('\n'));
}

/** A command line in a shell. */
class Terminal {
  said = '';
  readonly #command: string;
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown[]>;

  constructor(command: string, cwd: string, env: NodeJS.ProcessEnv) {
    this.#command = command;
    // A group of its own, as Ctrl-C goes to all that a terminal runs.
    this.#child = spawn('bash', ['-c', command], {
      cwd,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.on('data', (chunk: Buffer) => {
        this.said += chunk.toString();
      });
    this.#ended = once(this.#child, 'close');
  }

  async succeeds(): Promise<void> {
    const [exitCode] = await this.#ended;
    if (exitCode !== 0) throw new Error(`${this.#command}: exit code ${exitCode}\n${this.said}`);
  }

  async says(text: string): Promise<void> {
    await Promise.race([this.#ended, expect.poll(() => this.said, { timeout: 400_000 }).toContain(text)]);
    if (!this.said.includes(text)) throw new Error(`${this.#command}: never said ${text}\n${this.said}`);
  }

  /** Ctrl-C. */
  async interrupt(): Promise<void> {
    if (this.#child.pid === undefined || this.#child.exitCode !== null || this.#child.signalCode !== null)
      return;
    process.kill(-this.#child.pid, 'SIGINT');
    await this.#ended;
  }
}
