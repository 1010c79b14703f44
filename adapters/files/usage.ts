import { opendir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { MagError } from '../../kernel/errors.ts';
import { RESERVED_PREFIX } from './file-path.ts';
import { isMissing, look } from './safe-folder.ts';

/** Bytes of all files of one extension. */
const MAX_BYTES = 64 * 1_048_576;
/** Files and folders of one extension. */
const MAX_ENTRIES = 10_000;

export interface Usage {
  readonly bytes: number;
  readonly entries: number;
}

/** @throws `E_FILE_QUOTA` when what is added does not fit; what shrinks always fits */
export function plus(usage: Usage, added: Usage): Usage {
  const bytes = usage.bytes + added.bytes;
  const entries = usage.entries + added.entries;
  if (added.bytes > 0 && bytes > MAX_BYTES) {
    throw new MagError('E_FILE_QUOTA', `The files of an extension are at most ${MAX_BYTES / 1_048_576} MiB.`);
  }
  if (added.entries > 0 && entries > MAX_ENTRIES) {
    throw new MagError('E_FILE_QUOTA', `An extension has at most ${MAX_ENTRIES} files and folders.`);
  }
  return { bytes, entries };
}

export function minus(usage: Usage, gone: Usage): Usage {
  return { bytes: usage.bytes - gone.bytes, entries: usage.entries - gone.entries };
}

/** Counts what lies in a folder, and sweeps away what a crash left half written. */
export async function measure(folder: string): Promise<Usage> {
  const total = { bytes: 0, entries: 0 };
  const open = [folder];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    for (const name of await namesIn(next)) {
      const place = join(next, name);
      if (name.startsWith(RESERVED_PREFIX)) {
        await rm(place, { recursive: true, force: true });
        continue;
      }
      const found = await look(place);
      if (found === null) continue;
      total.entries += 1;
      if (found.isDirectory()) open.push(place);
      else total.bytes += found.size;
    }
  }
  return total;
}

/** The names in a folder, in no order; none when it does not exist. */
export async function namesIn(folder: string): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const { name } of await opendir(folder)) names.push(name);
  } catch (thrown) {
    if (!isMissing(thrown)) throw thrown;
  }
  return names;
}
