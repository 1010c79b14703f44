import { readdir, readFile } from 'node:fs/promises';

interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly command: string;
}

/** How the program of a cell is called, the real one and the forged one. */
const CELL = /runner\S*\.mjs|forger\.mjs/;

/** The cells among the descendants of this process, and what they were started through. */
export async function cellProcesses(): Promise<Process[]> {
  const all = await processes();
  const ours = new Set([process.pid]);
  // A parent may come after its child when numbers wrapped around: go over it until nothing is added.
  for (let before = 0; before !== ours.size; ) {
    before = ours.size;
    for (const { pid, parent } of all) if (ours.has(parent)) ours.add(pid);
  }
  return all.filter(({ pid, command }) => pid !== process.pid && ours.has(pid) && CELL.test(command));
}

/** Those that belong to none of the given ones: neither it nor a wrapper around it. */
export async function strayCells(expected: ReadonlySet<number>): Promise<Process[]> {
  const cells = await cellProcesses();
  const accounted = new Set(expected);
  for (const _ of cells) {
    for (const { pid, parent } of cells) {
      if (accounted.has(pid) && parent !== process.pid) accounted.add(parent);
      if (accounted.has(parent) && parent !== process.pid) accounted.add(pid);
    }
  }
  return cells.filter(({ pid }) => !accounted.has(pid));
}

async function processes(): Promise<Process[]> {
  const names = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const read = await Promise.all(names.map(readProcess));
  return read.filter((process) => process !== null);
}

async function readProcess(name: string): Promise<Process | null> {
  try {
    const [stat, command] = await Promise.all([
      readFile(`/proc/${name}/stat`, 'latin1'),
      readFile(`/proc/${name}/cmdline`, 'latin1'),
    ]);
    // The name of the program is in brackets and may hold anything; the parent is the second field after it.
    const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
    return { pid: Number(name), parent, command: command.replaceAll('\0', ' ') };
  } catch {
    return null; // it ended meanwhile
  }
}
