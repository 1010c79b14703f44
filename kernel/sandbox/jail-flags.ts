import type { CellFiles } from './cell-files.ts';

/** Megabytes of the runner's own heap, beside the isolate. */
const RUNNER_HEAP_MB = 64;

/** Node's flags for a cell: no child process, worker or inspector, and no file but its own program to read. */
export function jailFlags(files: CellFiles, options: { jit: boolean; memoryMb: number }): string[] {
  return [
    '--permission',
    '--allow-addons',
    `--allow-fs-read=${files.runner}`,
    `--allow-fs-read=${files.addon}`,
    '--no-node-snapshot',
    '--disable-sigusr1',
    '--disable-proto=delete',
    '--disable-warning=PERM0001',
    `--max-old-space-size=${options.memoryMb + RUNNER_HEAP_MB}`,
    ...(options.jit ? [] : ['--jitless']),
  ];
}
