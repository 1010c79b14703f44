import { spawn } from 'node:child_process';
import { type CommandLine, commandLine, type Inmate, type JailPlan } from './jail-plan.ts';

/** How a program ended in the jail. */
export interface Probe {
  readonly ok: boolean;
  /** What it printed when it went well; why it did not, in one line, otherwise. */
  readonly said: string;
}

/** Milliseconds a probe may take: it does nothing. */
const DEADLINE_MS = 10_000;
const MAX_CHARS = 16_384;

/** Runs a program in a jail to its end, as a cell would be. Never throws. */
export function runProbe(plan: JailPlan, inmate: Inmate): Promise<Probe> {
  const { program, args, ids }: CommandLine = commandLine(plan, inmate);
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      env: {},
      cwd: '/',
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: DEADLINE_MS,
      killSignal: 'SIGKILL',
      ...ids,
    });
    const texts = { out: '', err: '' };
    child.stdout?.on('data', (chunk: Buffer) => {
      if (texts.out.length < MAX_CHARS) texts.out += chunk.toString('latin1');
    });
    child.stderr?.on('data', (chunk: Buffer) => {
      if (texts.err.length < MAX_CHARS) texts.err += chunk.toString('latin1');
    });
    child.once('error', (error: NodeJS.ErrnoException) => resolve({ ok: false, said: reason(error.code) }));
    child.once('close', (code, signal) => {
      const ok = code === 0;
      resolve({ ok, said: ok ? texts.out : firstLine(texts.err) || `it ended with ${signal ?? code}` });
    });
  });
}

function reason(code: string | undefined): string {
  return code === 'EPERM' ? 'not permitted' : (code ?? 'it could not be started');
}

/** `unshare: unshare failed: Operation not permitted`, without the folder of the program. */
function firstLine(text: string): string {
  const [line = ''] = text.trim().split('\n');
  return line.replace(/^(\/[^/:\s]+)+\//, '').slice(0, 200);
}
