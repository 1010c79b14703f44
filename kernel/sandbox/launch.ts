import { type ChildProcess, type IOType, type StdioOptions, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import type { Duplex } from 'node:stream';
import { MagError } from '../errors.ts';
import type { CellFiles } from './cell-files.ts';
import type { CellGroup } from './cell-groups.ts';
import type { Jail } from './jail.ts';
import { jailFlags } from './jail-flags.ts';
import { commandLine } from './jail-plan.ts';

/** What of a cell depends on its extension and can only be set when the process is started. */
export interface CellKind {
  readonly jit: boolean;
  /** What the guest may occupy. */
  readonly memoryMb: number;
}

export interface LaunchOptions extends CellKind {
  readonly files: CellFiles;
  readonly jail: Jail;
}

export interface LaunchedCell {
  readonly child: ChildProcess;
  readonly channel: Duplex;
  /** The first bytes the process wrote to stderr: V8's last words, or the system's when it ended it. */
  stderr(): string;
}

const MAX_STDERR_BYTES = 16_384;
/** What the death of a cell is read from when the system killed it: it leaves no words of its own. */
const OOM_KILLED = 'the system ended the cell: out of memory\n';

/**
 * Starts the program of a cell in the jail: empty environment, one inherited descriptor, and every layer this
 * machine permits.
 * @throws `E_CELL_LOST` when the process cannot be started
 */
export function launchCell({ files, jail, jit, memoryMb }: LaunchOptions): LaunchedCell {
  requireAccount(jail);
  const argv = [
    files.node,
    ...jailFlags(files, { jit, memoryMb }),
    files.runner,
    files.addon,
    String(memoryMb),
  ] as const;
  const { program, args, ids } = commandLine(jail.plan, { argv, uid: jail.nextUid(), memoryMb });
  // A session of its own: no terminal to write to, and what is sent to the group of the host passes it by, while
  // Node is not up yet to ignore it as well.
  const child = spawnWith(jail.inherited, (stdio) =>
    spawn(program, args, { env: {}, cwd: '/', stdio, detached: true, ...ids }),
  );
  // Whoever owns the cell listens too; a process that never started must not throw before that.
  child.on('error', () => undefined);
  const channel = child.stdio?.[3];
  if (!child.stderr || !isDuplex(channel)) {
    throw new MagError('E_CELL_LOST', 'the cell has no channel');
  }
  const words = keepFirst(child.stderr);
  const system = enterGroup(child, jail, memoryMb);
  return { child, channel, stderr: () => system() + words() };
}

/**
 * Nothing, nothing, last words, the channel; and nothing in the place of each descriptor that a cell would
 * inherit otherwise.
 */
function spawnWith(inherited: readonly number[], start: (stdio: StdioOptions) => ChildProcess): ChildProcess {
  const stdio: (IOType | number)[] = ['ignore', 'ignore', 'pipe', 'pipe'];
  if (inherited.length === 0) return start(stdio);
  const nothing = openSync('/dev/null', 'r');
  try {
    // From the fourth on, `ignore` means: left as it is.
    while (stdio.length <= Math.max(...inherited)) stdio.push('ignore');
    for (const fd of inherited) stdio[fd] = nothing;
    return start(stdio);
  } finally {
    closeSync(nothing);
  }
}

/** As root, a cell that got out of its isolate would own the machine. */
function requireAccount({ plan }: Jail): void {
  if (plan.account !== 'host' || process.getuid?.() !== 0) return;
  throw new MagError('E_CELL_LOST', 'the cell could not be started', {
    cause: new Error('the host runs as root and cannot give cells an account of their own (see mag doctor)'),
  });
}

/**
 * Before the cell is sent anything: its own cgroup, gone again with the process.
 * @returns what the system has to say about the end of the process
 */
function enterGroup(child: ChildProcess, { groups }: Jail, memoryMb: number): () => string {
  if (groups === null || child.pid === undefined) return () => '';
  let group: CellGroup;
  try {
    group = groups.enter(child.pid, memoryMb);
  } catch (cause) {
    child.kill('SIGKILL');
    throw new MagError('E_CELL_LOST', 'the cell could not be put into its cgroup', { cause });
  }
  let ranOut = false;
  child.once('exit', () => {
    ranOut = group.ranOutOfMemory();
    group.remove();
  });
  return () => (ranOut ? OOM_KILLED : '');
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
