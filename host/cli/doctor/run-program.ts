import { spawn } from 'node:child_process';

/** Milliseconds a checked program may take. */
const DEADLINE_MS = 20_000;
const MAX_OUTPUT_CHARS = 64_000;

/** How a program ended: `null` for one that could not be started, was killed or took too long. */
export interface Ran {
  readonly code: number | null;
  readonly output: string;
}

/** Runs a program to its end. Never throws. */
export function runProgram(program: string, args: readonly string[]): Promise<Ran> {
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: DEADLINE_MS,
      killSignal: 'SIGKILL',
    });
    let output = '';
    const collect = (chunk: Buffer) => {
      if (output.length < MAX_OUTPUT_CHARS) output += chunk.toString();
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    child.once('error', (error) => resolve({ code: null, output: error.message }));
    child.once('close', (code) => resolve({ code, output: output.trim() }));
  });
}
