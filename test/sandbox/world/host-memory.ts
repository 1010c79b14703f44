import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const MIB = 1_048_576;

setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');
setFlagsFromString('--no-expose-gc'); // contexts that are made later, by tests of globals too, are as they were

/** What this process holds, in MiB. */
export interface Memory {
  /** Resident, with what the allocators keep for later. */
  readonly resident: number;
  /** Of JavaScript's things and those outside of its heap. */
  readonly living: number;
}

/** Now, with the garbage there is. */
export function memory(): Memory {
  const { rss, heapUsed, external } = process.memoryUsage();
  return { resident: rss / MIB, living: (heapUsed + external) / MIB };
}

/** After the garbage was collected. */
export async function settledMemory(): Promise<Memory> {
  await new Promise((resolve) => setTimeout(resolve, 20)); // what has just ended lets go of its things
  collect();
  return memory();
}
