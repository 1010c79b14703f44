import { spawn } from 'node:child_process';
import { basename, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MagError } from '../../../kernel/errors.ts';
import type { Json } from '../../../manifests/json.ts';
import type { Narrator } from './narrator.ts';

const MAG = resolve(fileURLToPath(import.meta.url), '../../mag.ts');

/** How a command ended. */
interface MagResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `mag` as anybody would: the demo knows no other way in. */
export interface Mag {
  /** Shows the command and what it said. @throws `E_INTERNAL` when it did not end with this exit code */
  run(args: readonly string[], exitCode?: number): Promise<MagResult>;
  /** The same command in JSON, unseen: to check what the story claims. */
  json(args: readonly string[]): Promise<Json>;
}

export function createMag(
  narrator: Narrator,
  cwd: string,
  env: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Mag {
  const call = (args: readonly string[]) => spawnMag(args, cwd, env, signal);
  return {
    run: async (args, exitCode = 0) => {
      narrator.does(`mag ${args.map((arg) => (arg.startsWith('/') ? basename(arg) : arg)).join(' ')}`);
      const result = await call(args);
      narrator.shows((result.stdout + result.stderr).replaceAll(`${cwd}/`, ''));
      if (result.exitCode !== exitCode) throw unexpected(args, result);
      return result;
    },
    json: async (args) => {
      const result = await call([...args, '--output', 'json']);
      if (result.exitCode !== 0) throw unexpected(args, result);
      return JSON.parse(result.stdout) as Json;
    },
  };
}

function unexpected(args: readonly string[], { exitCode, stdout, stderr }: MagResult): MagError {
  const said = (stderr || stdout).trim();
  return new MagError('E_INTERNAL', `mag ${args[0]} ended with ${exitCode} in the demo: ${said}`);
}

function spawnMag(
  args: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<MagResult> {
  return new Promise((done, reject) => {
    const child = spawn(process.execPath, [MAG, ...args], {
      cwd,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
      signal,
    });
    const out = { stdout: '', stderr: '' };
    child.stdout.on('data', (chunk: Buffer) => (out.stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (out.stderr += chunk.toString()));
    child.once('error', reject);
    child.once('close', (exitCode) => done({ exitCode: exitCode ?? -1, ...out }));
  });
}
