import { constants } from 'node:fs';
import { access, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { MagError } from '../../kernel/errors.ts';
import type { Json, JsonObject } from '../../manifests/json.ts';
import { objectIn, textIn } from './answer.ts';
import type { Session } from './session.ts';

const DEFAULT_FILE = 'mag.lock';

/** How `--lock <file>` and `--no-lock` are read by the commands that have them. */
export interface LockOptions {
  readonly lock?: string | false;
}

export interface LockedPackage {
  readonly version: string;
  readonly digest: string;
  /** The registry it came from; `null`: a file, or it was there before. */
  readonly registry: string | null;
}

/** What a host was given from registries, in a file that an operator commits. */
export interface LockFile {
  /** By id. */
  readonly packages: ReadonlyMap<string, LockedPackage>;
  /** Replaces the file. */
  write(packages: ReadonlyMap<string, LockedPackage>): Promise<void>;
}

/**
 * The lock file beside which the command is called; `null` for `--no-lock`. That it can be written is made sure
 * before anything is done.
 * @throws `E_BAD_REQUEST`
 */
export async function openLock(session: Session, { lock }: LockOptions): Promise<LockFile | null> {
  if (lock === false) return null;
  const file = resolve(session.terminal.cwd, lock ?? DEFAULT_FILE);
  const packages = parse(await readText(file), file);
  return {
    packages,
    write: async (next) => {
      if (same(packages, next)) return;
      const sorted = [...next].sort(([a], [b]) => (a < b ? -1 : 1));
      const text = JSON.stringify({ lockVersion: 1, packages: Object.fromEntries(sorted) }, null, 2);
      const temporary = `${file}.${process.pid}`;
      try {
        await writeFile(temporary, `${text}\n`, { flush: true });
        await rename(temporary, file);
      } catch (cause) {
        await rm(temporary, { force: true });
        throw unusable(`it cannot be written: ${file}`, cause);
      }
    },
  };
}

/** @throws `E_BAD_REQUEST` where no file could be made */
export async function requireWritable(session: Session, { lock }: LockOptions): Promise<void> {
  if (lock === false) return;
  const folder = dirname(resolve(session.terminal.cwd, lock ?? DEFAULT_FILE));
  try {
    await access(folder, constants.W_OK);
  } catch (cause) {
    throw unusable(
      `${folder} cannot be written to; name another file with --lock, or none with --no-lock`,
      cause,
    );
  }
}

async function readText(file: string): Promise<string | null> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return null;
    throw unusable(`it cannot be read: ${file}`, cause);
  }
}

function parse(text: string | null, file: string): Map<string, LockedPackage> {
  if (text === null) return new Map();
  try {
    const { lockVersion, packages } = objectIn(JSON.parse(text) as Json);
    if (lockVersion === 1)
      return new Map(Object.entries(objectIn(packages)).map(([id, entry]) => [id, locked(objectIn(entry))]));
  } catch (cause) {
    throw unusable(`${file} is not as mag writes it`, cause);
  }
  throw unusable(`${file} is of another version`);
}

function locked(entry: JsonObject): LockedPackage {
  const registry = typeof entry.registry === 'string' ? entry.registry : null;
  return { version: textIn(entry, 'version'), digest: textIn(entry, 'digest'), registry };
}

function same(a: ReadonlyMap<string, LockedPackage>, b: ReadonlyMap<string, LockedPackage>): boolean {
  const text = (packages: ReadonlyMap<string, LockedPackage>) => JSON.stringify([...packages].sort());
  return text(a) === text(b);
}

function unusable(problem: string, cause?: unknown): MagError {
  return new MagError('E_BAD_REQUEST', `the lock file: ${problem}`, { cause });
}
