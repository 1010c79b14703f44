import { closeSync, openSync, readSync } from 'node:fs';

const PAGE_BYTES = 4_096;
const NS_PER_MS = 1_000_000;
/** One line of numbers. */
const line = Buffer.alloc(128);

/**
 * What the system counts of a process. Its files are kept open, for they are read many times a second: they are of
 * this very process whatever becomes of its number. Everything is 0 where the system does not tell, or when the
 * process is gone.
 */
export class ProcessNumbers {
  #memory: number | null;
  #schedule: number | null;

  constructor(pid: number) {
    this.#memory = open(`/proc/${pid}/statm`);
    this.#schedule = open(`/proc/${pid}/schedstat`);
  }

  /** Memory it occupies. */
  get residentBytes(): number {
    return numberIn(this.#memory, 1) * PAGE_BYTES;
  }

  /** Milliseconds its main thread could have run and was not let, since it began. */
  get waitedMs(): number {
    return numberIn(this.#schedule, 1) / NS_PER_MS;
  }

  /** Idempotent. */
  close(): void {
    const files = [this.#memory, this.#schedule];
    [this.#memory, this.#schedule] = [null, null]; // their numbers are given to other files
    for (const file of files) if (file !== null) closeSync(file);
  }
}

function open(path: string): number | null {
  try {
    return openSync(path, 'r');
  } catch {
    return null;
  }
}

function numberIn(file: number | null, place: number): number {
  if (file === null) return 0;
  try {
    const text = line.toString('latin1', 0, readSync(file, line, 0, line.length, 0));
    return Number(text.split(' ')[place] ?? 0);
  } catch {
    return 0;
  }
}
