import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BuildOptions, build } from 'esbuild';
import { ROOT_DIR } from '../paths.ts';
import { isFresh, stampOf } from './stamp.ts';

const RUNNER = fileURLToPath(new URL('../../kernel/runner/main.ts', import.meta.url));
const DEBUG_RUNNER = fileURLToPath(new URL('../../kernel/runner/debug-main.ts', import.meta.url));
const PRELUDE = fileURLToPath(new URL('../../kernel/runner/guest/main.ts', import.meta.url));

/**
 * How the isolate runs the prelude: as the body of a strict function whose parameters are what the runner
 * lends it, in the order of `lend` in `kernel/runner/isolate.ts`. Strict, because the functions of sloppy
 * frames could be read off a stack trace.
 */
const PRELUDE_HEAD = '"use strict";';
const PRELUDE_FOOT = `return prelude.install(
  { reply: $0, fail: $1, hostCall: $2, log: $3, startTimer: $4, stopTimer: $5, random: $6, clock: $7,
    parseUrl: $8, changeUrl: $9, transcode: $10, digest: $11 });`;

/** What a bundle depends on besides the modules in it. */
const SURROUNDINGS = [
  fileURLToPath(import.meta.url),
  createRequire(import.meta.url).resolve('esbuild/package.json'),
  join(ROOT_DIR, 'package.json'),
  join(ROOT_DIR, 'tsconfig.json'),
].map((path) => relative(ROOT_DIR, path));

const SHARED = {
  absWorkingDir: ROOT_DIR,
  bundle: true,
  write: false,
  metafile: true,
  target: 'node24',
  charset: 'utf8',
  legalComments: 'none',
  logLevel: 'silent',
} as const satisfies BuildOptions;

interface Bundle {
  readonly code: string;
  /** Paths below the checkout. */
  readonly inputs: readonly string[];
}

/**
 * Builds `<outDir>/runner.mjs`, the program of a cell in plain JavaScript: under `--jitless` Node cannot strip
 * types. A file that was built from the same sources is left alone. Resolves with its path.
 */
export function bundleRunner(outDir: string): Promise<string> {
  return bundleProgram(RUNNER, join(outDir, 'runner.mjs'));
}

/**
 * Builds `<outDir>/debug-runner.mjs`, the program of a cell that is debugged. A file of its own: no code that
 * could open a debugger is part of what a host runs otherwise.
 */
export function bundleDebugRunner(outDir: string): Promise<string> {
  return bundleProgram(DEBUG_RUNNER, join(outDir, 'debug-runner.mjs'));
}

async function bundleProgram(entry: string, target: string): Promise<string> {
  if (await isFresh(await readFile(target, 'utf8').catch(() => ''))) return target;
  const { code, inputs } = await bundleWithPrelude(entry);
  const stamp = await stampOf([...inputs, ...SURROUNDINGS], code);
  await mkdir(dirname(target), { recursive: true });
  // Renamed into place: another process may be starting a cell from the old one.
  const fresh = `${target}.${process.pid}.tmp`;
  await writeFile(fresh, stamp + code);
  // Cells of a host that runs as root have user ids of their own, whatever its umask says.
  await chmod(fresh, 0o644);
  await rename(fresh, target);
  return target;
}

async function bundleWithPrelude(entry: string): Promise<Bundle> {
  const prelude = await bundleOne({
    entryPoints: [PRELUDE],
    format: 'iife',
    globalName: 'prelude',
    platform: 'neutral',
    banner: { js: PRELUDE_HEAD },
    footer: { js: PRELUDE_FOOT },
  });
  const program = await bundleOne({
    entryPoints: [entry],
    format: 'esm',
    platform: 'node',
    define: { PRELUDE_SOURCE: JSON.stringify(prelude.code) },
  });
  return { code: program.code, inputs: [...prelude.inputs, ...program.inputs] };
}

async function bundleOne(options: BuildOptions): Promise<Bundle> {
  const { outputFiles, metafile } = await build({ ...options, ...SHARED });
  const [file] = outputFiles;
  if (file === undefined) throw new Error('esbuild made no file');
  return { code: file.text, inputs: Object.keys(metafile.inputs) };
}
