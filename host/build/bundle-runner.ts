import { createHash } from 'node:crypto';
import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BuildOptions, build, version } from 'esbuild';

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
    parseUrl: $8, changeUrl: $9, transcode: $10, digest: $11 }, $12, $13, $14);`;

const SHARED: BuildOptions = {
  bundle: true,
  write: false,
  target: 'node24',
  charset: 'utf8',
  legalComments: 'none',
  logLevel: 'silent',
};

/**
 * Builds `<outDir>/runner.mjs`, the program of a cell in plain JavaScript: under `--jitless` Node cannot strip
 * types. A file that says the same already is left alone. Resolves with its path.
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
  const code = await bundleCode(entry);
  const stamp = `// ${createHash('sha256').update(version).update(code).digest('hex')}\n`;
  const existing = await readFile(target, 'utf8').catch(() => '');
  if (existing === stamp + code) return target;
  await mkdir(dirname(target), { recursive: true });
  // Renamed into place: another process may be starting a cell from the old one.
  const fresh = `${target}.${process.pid}.tmp`;
  await writeFile(fresh, stamp + code);
  // Cells of a host that runs as root have user ids of their own, whatever its umask says.
  await chmod(fresh, 0o644);
  await rename(fresh, target);
  return target;
}

async function bundleCode(entry: string): Promise<string> {
  const prelude = await bundleOne({
    entryPoints: [PRELUDE],
    format: 'iife',
    globalName: 'prelude',
    platform: 'neutral',
    banner: { js: PRELUDE_HEAD },
    footer: { js: PRELUDE_FOOT },
  });
  return await bundleOne({
    entryPoints: [entry],
    format: 'esm',
    platform: 'node',
    define: { PRELUDE_SOURCE: JSON.stringify(prelude) },
  });
}

async function bundleOne(options: BuildOptions): Promise<string> {
  const { outputFiles = [] } = await build({ ...SHARED, ...options });
  const [file] = outputFiles;
  if (file === undefined) throw new Error('esbuild made no file');
  return file.text;
}
