import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { mkdir, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CgroupHome, Controller } from './cgroup-home.ts';
import { groupName, words } from './cgroup-home.ts';
import { residentLimitMb } from './jail-limits.ts';

/** The cgroup of one cell. */
export interface CellGroup {
  /** Whether the system ended the process because the group was out of memory. */
  ranOutOfMemory(): boolean;
  /** Once the process is gone; what it may have left running is ended. Never throws. */
  remove(): void;
}

/** Threads and processes of a cell. */
const MAX_TASKS = 64;
/** One processor: 100 ms of every 100 ms. */
const CPU_MAX = '100000 100000';

/** A cgroup for each cell, below that of the host; nothing else is touched, and nothing of it stays. */
export class CellGroups implements AsyncDisposable {
  readonly #home: CgroupHome;
  readonly #folder: string;
  #enabled: readonly Controller[] = [];
  /** Not empty yet when they were to be removed. */
  readonly #late = new Set<string>();
  #last = 0;

  private constructor(home: CgroupHome) {
    this.#home = home;
    this.#folder = join(home.path, groupName());
  }

  /** @throws the error of the system when it permits less than it seemed to; nothing is left behind then */
  static async open(home: CgroupHome): Promise<CellGroups> {
    const groups = new CellGroups(home);
    await mkdir(groups.#folder);
    try {
      await groups.#enable();
    } catch (error) {
      await groups[Symbol.asyncDispose]();
      throw error;
    }
    return groups;
  }

  /**
   * Puts a process that has done nothing yet into a group of its own.
   * @throws the error of the system
   */
  enter(pid: number, memoryMb: number): CellGroup {
    const folder = join(this.#folder, `cell-${++this.#last}`);
    mkdirSync(folder);
    try {
      for (const [file, value] of this.#limits(memoryMb)) writeFileSync(join(folder, file), value);
      // Only where the system keeps account of what is swapped out.
      const swap = join(folder, 'memory.swap.max');
      if (existsSync(swap)) writeFileSync(swap, '0');
      writeFileSync(join(folder, 'cgroup.procs'), String(pid));
    } catch (error) {
      rmdirSync(folder);
      throw error;
    }
    return {
      ranOutOfMemory: () => /^oom_kill [1-9]/m.test(readIfThere(join(folder, 'memory.events'))),
      remove: () => this.#remove(folder),
    };
  }

  #remove(folder: string): void {
    try {
      const kill = join(folder, 'cgroup.kill');
      if (existsSync(kill)) writeFileSync(kill, '1');
      rmdirSync(folder);
    } catch {
      this.#late.add(folder);
    }
  }

  /** After every cell is gone. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const folder of this.#late) await rmdir(folder);
    const off = this.#enabled.map((name) => `-${name}`).join(' ');
    if (off !== '') {
      await this.#share(this.#folder, off);
      await this.#share(this.#home.path, off);
    }
    const leaf = join(this.#folder, 'host');
    for (const pid of await words(join(leaf, 'cgroup.procs'))) await move(pid, this.#home.path);
    if (this.#home.occupants.length > 0) await rmdir(leaf);
    await rmdir(this.#folder);
  }

  async #enable(): Promise<void> {
    const { path, occupants, controllers } = this.#home;
    if (occupants.length > 0) await mkdir(join(this.#folder, 'host'));
    for (const pid of occupants) await move(String(pid), join(this.#folder, 'host'));
    const shared = await words(join(path, 'cgroup.subtree_control'));
    const missing = controllers.filter((name) => !shared.includes(name));
    // Only what this host switched on is switched off again.
    if (missing.length > 0) await this.#share(path, missing.map((name) => `+${name}`).join(' '));
    this.#enabled = missing;
    if (controllers.length > 0) {
      await this.#share(this.#folder, controllers.map((name) => `+${name}`).join(' '));
    }
  }

  async #share(folder: string, change: string): Promise<void> {
    await writeFile(join(folder, 'cgroup.subtree_control'), change);
  }

  #limits(memoryMb: number): [string, string][] {
    const { controllers } = this.#home;
    const limits: Record<Controller, [string, string][]> = {
      memory: [
        ['memory.max', String(residentLimitMb(memoryMb) * 1_048_576)],
        ['memory.oom.group', '1'],
      ],
      pids: [['pids.max', String(MAX_TASKS)]],
      cpu: [['cpu.max', CPU_MAX]],
    };
    return controllers.flatMap((name) => limits[name]);
  }
}

/** One that has ended meanwhile needs no place. */
async function move(pid: string, folder: string): Promise<void> {
  await writeFile(join(folder, 'cgroup.procs'), pid).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ESRCH') throw error;
  });
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
