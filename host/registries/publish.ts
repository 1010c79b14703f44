import { createHash, randomUUID } from 'node:crypto';
import { mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { MagError } from '../../kernel/errors.ts';
import { makeFolder } from '../../kernel/make-folder.ts';
import { readArchive } from '../../kernel/trust/archive.ts';
import { attestationLines, mergeAttestations } from '../../kernel/trust/attestation-file.ts';
import { readAnyContents } from '../../kernel/trust/contents.ts';
import { parseBundle, parseSignature } from '../../kernel/trust/signature.ts';
import {
  attestationsPath,
  bundlePath,
  entryOf,
  INDEX_FILE,
  type IndexEntry,
  packagePath,
  type RegistryIndex,
  readIndex,
  writeIndex,
} from './index-format.ts';

const LOCK_FILE = `${INDEX_FILE}.lock`;

export interface Published {
  readonly entry: IndexEntry;
  /** The same bytes were there before; their signature is the one given now. */
  readonly again: boolean;
}

/** A package as it is published. */
export interface Publication {
  readonly archive: Uint8Array;
  readonly bundle: string | null;
  /** The text of its `.intoto.jsonl`. */
  readonly attestations?: string | null;
}

/**
 * Puts a signed package into a registry folder, which is made if it is not there. Readers see the index of before
 * or after. Publishers wait for each other: the new index is written to `index.json.lock`, which only one can
 * make, and renamed; it is how git locks its index. Attestations are added to those that are there.
 * @param waitMs how long for other publishers
 * @throws `E_PKG_EQUIVOCATION` when the version is there with other bytes; `E_SIG_MISSING`, `E_SIG_INVALID`,
 *   `E_SIG_SUBJECT` when the signature, or an attestation, is not one of this package; `E_PKG_INVALID`, `E_MANIFEST_INVALID`,
 *   `E_REGISTRY_INDEX`, `E_BUSY`
 */
export async function publish(
  folder: string,
  { archive, bundle, attestations = null }: Publication,
  waitMs = 10_000,
): Promise<Published> {
  const listed = await entryOfPackage(archive, bundle);
  requireAbout(listed.digest, attestations);
  await makeFolder(folder);
  const lock = await takeLock(folder, waitMs);
  try {
    const before = await readFolderIndex(folder);
    const known = before.get(listed.id)?.find(({ version }) => version === listed.version);
    if (known !== undefined && known.digest !== listed.digest)
      throw new MagError(
        'E_PKG_EQUIVOCATION',
        `${listed.id} ${listed.version} is published already, with other content: give it another version`,
      );
    await place(folder, packagePath(listed), archive);
    await place(folder, bundlePath(listed), bundle ?? '');
    const merged = await mergedWith(folder, known, attestations);
    if (merged !== '') await place(folder, attestationsPath(listed), merged);
    const entry: IndexEntry = merged === '' ? listed : { ...listed, attestations: true };
    const others = [...before.values()].flat().filter((other) => other !== known);
    await lock.commit(writeIndex([...others, entry]));
    return { entry, again: known !== undefined };
  } finally {
    await lock.release();
  }
}

/** What a registry lists of a signed package. Who signed it is for each host to judge; that it is signed is not. */
export async function entryOfPackage(archive: Uint8Array, bundle: string | null): Promise<IndexEntry> {
  const { subjects } = parseSignature(bundle);
  const digest = createHash('sha256').update(archive).digest('hex');
  const { manifest } = readAnyContents(await readArchive(archive));
  if (!subjects.includes(digest))
    throw new MagError('E_SIG_SUBJECT', 'the signature beside the package was made for other bytes');
  return entryOf(manifest, `sha256:${digest}`, archive.byteLength);
}

/** Whose they are is for each host to judge; that they are about this package is not. */
function requireAbout(digest: string, attestations: string | null): void {
  for (const { number, text } of attestationLines(attestations)) {
    const { statement } = parseBundle(text);
    if (statement === null)
      throw new MagError('E_SIG_INVALID', `line ${number} of the attestations is no signed statement`);
    if (!statement.subjects.includes(digest.slice('sha256:'.length)))
      throw new MagError('E_SIG_SUBJECT', `line ${number} of the attestations is about another package`);
  }
}

async function mergedWith(
  folder: string,
  known: IndexEntry | undefined,
  attestations: string | null,
): Promise<string> {
  const before =
    known?.attestations === true ? await readFile(join(folder, attestationsPath(known)), 'utf8') : '';
  return mergeAttestations(attestations ?? '', before);
}

/** Replaces the index of a folder that only its owner publishes to, when it says something else. */
export async function replaceIndex(folder: string, entries: Iterable<IndexEntry>): Promise<void> {
  const text = writeIndex(entries);
  const now = await readFile(join(folder, INDEX_FILE), 'utf8').catch(() => null);
  if (now !== text) await place(folder, INDEX_FILE, text);
}

async function readFolderIndex(folder: string): Promise<RegistryIndex> {
  try {
    return readIndex(await readFile(join(folder, INDEX_FILE)));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return new Map();
    throw error;
  }
}

/** Whole or not at all. */
async function place(folder: string, path: string, content: Uint8Array | string): Promise<void> {
  const target = join(folder, path);
  const temporary = `${target}.${randomUUID()}`;
  await mkdir(dirname(target), { recursive: true });
  try {
    await writeFile(temporary, content, { flush: true });
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

interface Lock {
  /** The index becomes this; the lock is gone with it. */
  commit(text: string): Promise<void>;
  /** Leaves the index as it is. Does nothing after a commit. */
  release(): Promise<void>;
}

async function takeLock(folder: string, waitMs: number): Promise<Lock> {
  const file = join(folder, LOCK_FILE);
  const handle = await makeAlone(file, Date.now() + waitMs);
  let isHeld = true;
  return {
    commit: async (text) => {
      await handle.writeFile(text);
      await handle.sync();
      await rename(file, join(folder, INDEX_FILE));
      isHeld = false;
    },
    release: async () => {
      await handle.close();
      if (isHeld) await rm(file, { force: true });
    },
  };
}

async function makeAlone(file: string, deadline: number) {
  for (;;) {
    try {
      return await open(file, 'wx');
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    }
    if (Date.now() > deadline)
      throw new MagError(
        'E_BUSY',
        `another publisher has ${LOCK_FILE}; if none runs any more, it was left by one that ended early: delete it`,
      );
    await delay(20 + Math.random() * 30);
  }
}
