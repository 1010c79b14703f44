import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ROOT_DIR } from '../paths.ts';

/** The first line of a built file: what it was made from, and what was made. */
interface Stamp {
  /** SHA-256 by path below the checkout. */
  readonly inputs: Readonly<Record<string, string>>;
  /** SHA-256 of everything behind the first line. */
  readonly code: string;
}

const MARK = '// built from ';

/** The line, with its end. `inputs` are paths below the checkout. */
export async function stampOf(inputs: Iterable<string>, code: string): Promise<string> {
  const sorted = [...new Set(inputs)].sort();
  const hashes = await Promise.all(sorted.map(async (path) => [path, await hashOf(path)] as const));
  const stamp: Stamp = { inputs: Object.fromEntries(hashes), code: hash(code) };
  return `${MARK}${JSON.stringify(stamp)}\n`;
}

/** Whether a built file is whole and still says what its sources say. */
export async function isFresh(built: string): Promise<boolean> {
  const end = built.indexOf('\n');
  const stamp = readStamp(built.slice(0, end));
  if (stamp === null || hash(built.slice(end + 1)) !== stamp.code) return false;
  const same = async ([path, was]: [string, string]) => (await hashOf(path)) === was;
  return (await Promise.all(Object.entries(stamp.inputs).map(same))).every(Boolean);
}

function readStamp(line: string): Stamp | null {
  if (!line.startsWith(MARK)) return null;
  try {
    return JSON.parse(line.slice(MARK.length));
  } catch {
    return null;
  }
}

/** Empty when there is no such file any more. */
async function hashOf(path: string): Promise<string> {
  const content = await readFile(join(ROOT_DIR, path)).catch(() => null);
  return content === null ? '' : hash(content);
}

function hash(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}
