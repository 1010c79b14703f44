import { type ChildProcess, spawn } from 'node:child_process';
import type { Duplex } from 'node:stream';
import { MagError } from '../errors.ts';
import { type CellFiles, jailFlags, jailWrapper } from './jail.ts';

export interface LaunchOptions {
  readonly files: CellFiles;
  readonly jit: boolean;
  readonly memoryMb: number;
  /** `null`: the user of the host. */
  readonly uid: number | null;
}

export interface LaunchedCell {
  readonly child: ChildProcess;
  readonly channel: Duplex;
  /** The first bytes the process wrote to stderr: V8's last words. */
  stderr(): string;
}

const MAX_STDERR_BYTES = 16_384;

/**
 * Starts the program of a cell: empty environment, one inherited descriptor, its own uid when given.
 * @throws `E_CELL_LOST` when the process cannot be started
 */
export function launchCell(options: LaunchOptions): LaunchedCell {
  const { files, uid } = options;
  const [program = files.node, ...args] = [
    ...jailWrapper(),
    files.node,
    ...jailFlags(files, options),
    files.runner,
    files.addon,
  ];
  const child = spawn(program, args, {
    env: {},
    cwd: '/',
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
    ...(uid === null ? {} : { uid, gid: uid }),
  });
  // Whoever owns the cell listens too; a process that never started must not throw before that.
  child.on('error', () => undefined);
  const channel = child.stdio?.[3];
  if (!child.stderr || !isDuplex(channel)) {
    throw new MagError('E_CELL_LOST', 'the cell has no channel');
  }
  return { child, channel, stderr: keepFirst(child.stderr) };
}

function isDuplex(stream: unknown): stream is Duplex {
  return stream !== null && typeof stream === 'object' && 'write' in stream && 'read' in stream;
}

function keepFirst(stream: NodeJS.ReadableStream): () => string {
  let text = '';
  stream.on('data', (chunk: Buffer) => {
    if (text.length < MAX_STDERR_BYTES) text += chunk.toString('latin1', 0, MAX_STDERR_BYTES);
  });
  stream.on('error', () => undefined);
  return () => text.slice(0, MAX_STDERR_BYTES);
}
