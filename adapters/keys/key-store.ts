import { createPublicKey } from 'node:crypto';
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { MagError } from '../../kernel/errors.ts';
import type { Logger } from '../../kernel/ports.ts';
import { readPrivateFile, writePrivateFile } from '../../kernel/private-file.ts';
import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import {
  generateMacKey,
  generatePrivateKey,
  type KeyType,
  macVersion,
  publicVersion,
  type SigningVersion,
  signingVersion,
  type Version,
} from './key-material.ts';

const MAX_PEM_BYTES = 16_384;
const KEY_NAME = /^[a-z][a-z0-9-]{0,62}$/;
const SIGNING = /^\d{6}\.(pem|mac)$/;
const VERIFYING = /^\d{6}\.(pub\.pem|mac)$/;

/** A key with what can be verified with it: the version that signs now, and those before it, newest first. */
export interface StoredKey {
  readonly current: SigningVersion;
  readonly previous: readonly Version[];
}

/** A key as operators see it. No private half. */
export interface KeySummary {
  readonly name: string;
  readonly type: KeyType;
  readonly keyId: string;
  /** Of the version that signs. */
  readonly createdAt: Date;
  readonly previous: readonly { readonly keyId: string }[];
}

/**
 * The keys of all extensions, each a folder of its versions: `<publisher>/<name>/<key>/000002.pem`, the private
 * half (PKCS#8) of the newest, and the public halves `000001.pub.pem`, … of all. A symmetric key has no halves: all its
 * versions stay, `000001.mac`, …. Files 0600, as ssh wants keys.
 */
export class KeyStore {
  readonly #root: string;
  readonly #logger: Logger;
  /** Changes wait for each other: two rotations at once would be one. */
  #last: Promise<unknown> = Promise.resolve();

  /** @param root absolute; made with the first key */
  constructor(root: string, logger: Logger) {
    this.#root = root;
    this.#logger = logger;
  }

  /** @throws `E_KEY_UNKNOWN` */
  async open(extension: ExtensionId, name: string): Promise<StoredKey> {
    const folder = this.#folderOf(extension, name);
    const { signing, verifying } = await versionsIn(folder);
    const newest = signing.at(-1);
    const current = newest === undefined ? null : await this.#signing(join(folder, newest));
    if (newest === undefined || current === null)
      throw new MagError('E_KEY_UNKNOWN', `${extension} has no key ${name} that can be used.`);
    const older = verifying.filter((file) => numberOf(file) < numberOf(newest)).reverse();
    const previous = await Promise.all(older.map((file) => this.#verifying(join(folder, file))));
    return { current, previous: previous.filter((version) => version !== null) };
  }

  /** By name; a key whose file cannot be used is not among them. */
  async list(extension: ExtensionId): Promise<KeySummary[]> {
    const names = (await namesIn(this.#folderOf(extension))).filter((name) => KEY_NAME.test(name));
    const found = names.map((name) => this.#summary(extension, name).catch(() => null));
    return (await Promise.all(found)).filter((summary) => summary !== null);
  }

  /** @throws `E_STATE` when there is one by that name, `E_BAD_REQUEST` for a name that is none */
  create(extension: ExtensionId, name: string, type: KeyType): Promise<KeySummary> {
    return this.#alone(async () => {
      const folder = this.#folderOf(extension, name);
      if ((await versionsIn(folder)).signing.length > 0)
        throw new MagError('E_STATE', `${extension} has a key ${name} already; rotate it.`);
      await this.#write(folder, 1, type);
      return this.#summary(extension, name);
    });
  }

  /** A new version signs from now on. What the old one verifies with stays, and no more than that. */
  rotate(extension: ExtensionId, name: string): Promise<KeySummary> {
    return this.#alone(async () => {
      const { current } = await this.open(extension, name);
      const folder = this.#folderOf(extension, name);
      const { signing: old } = await versionsIn(folder);
      const version = numberOf(old.at(-1) ?? '');
      // Should the key have been put here by hand, or a creation been cut off.
      if (current.view !== null) await this.#writePublic(folder, version, current.view.pem);
      await this.#write(folder, version + 1, current.type);
      for (const gone of old) if (!VERIFYING.test(gone)) await rm(join(folder, gone), { force: true });
      return this.#summary(extension, name);
    });
  }

  async clear(extension: ExtensionId): Promise<void> {
    await this.#alone(() => rm(this.#folderOf(extension), { recursive: true, force: true }));
  }

  /** The private half first: with it the version is there, and its public half can be made from it. */
  async #write(folder: string, version: number, type: KeyType): Promise<void> {
    const place = join(folder, fileName(version));
    if (type === 'hmac') {
      await writePrivateFile(this.#root, `${place}.mac`, generateMacKey());
      return;
    }
    const pem = (await generatePrivateKey(type)).export({ type: 'pkcs8', format: 'pem' });
    await writePrivateFile(this.#root, `${place}.pem`, pem);
    const { view } = await publicVersion(createPublicKey(pem));
    await this.#writePublic(folder, version, view.pem);
  }

  async #writePublic(folder: string, version: number, pem: string): Promise<void> {
    await writePrivateFile(this.#root, join(folder, `${fileName(version)}.pub.pem`), pem);
  }

  async #summary(extension: ExtensionId, name: string): Promise<KeySummary> {
    const { current, previous } = await this.open(extension, name);
    const folder = this.#folderOf(extension, name);
    const { mtime } = await stat(join(folder, (await versionsIn(folder)).signing.at(-1) ?? ''));
    return {
      name,
      type: current.type,
      keyId: current.keyId,
      createdAt: mtime,
      previous: previous.map(({ keyId }) => ({ keyId })),
    };
  }

  #signing(file: string): Promise<SigningVersion | null> {
    return this.#read(file, file.endsWith('.mac') ? macVersion : signingVersion);
  }

  #verifying(file: string): Promise<Version | null> {
    const ofPublic = (pem: Buffer) => publicVersion(createPublicKey(pem));
    return this.#read<Version>(file, file.endsWith('.mac') ? macVersion : ofPublic);
  }

  /** `null` for what is not there or not to be used; the operator is told why, and never what is in it. */
  async #read<Read>(file: string, parse: (content: Buffer) => Promise<Read>): Promise<Read | null> {
    const found = await readPrivateFile(this.#root, file, MAX_PEM_BYTES);
    if (found.state === 'missing') return null;
    if (found.state === 'unusable') return this.#unusable(file, found.why);
    try {
      return await parse(found.content);
    } catch {
      return this.#unusable(file, 'it is no Ed25519 or P-256 key in PEM, and no symmetric one');
    }
  }

  #unusable(file: string, why: string): null {
    this.#logger.error({ file: file.slice(this.#root.length + 1), why }, 'a key file cannot be used');
    return null;
  }

  /** @throws `E_BAD_REQUEST` for a name that is none, which could be a path */
  #folderOf(extension: ExtensionId, name?: string): string {
    const [publisher = '', extensionName = ''] = extension.split('/');
    const folder = join(this.#root, publisher, extensionName);
    if (name === undefined) return folder;
    if (KEY_NAME.test(name)) return join(folder, name);
    throw new MagError('E_BAD_REQUEST', 'A key has small letters, digits and - in its name, a letter first.');
  }

  #alone<Result>(work: () => Promise<Result>): Promise<Result> {
    const done = this.#last.then(work, work);
    this.#last = done.catch(() => undefined); // whoever asked for it is told
    return done;
  }
}

/** The files of the versions, oldest first. */
async function versionsIn(folder: string): Promise<{ signing: string[]; verifying: string[] }> {
  const names = await namesIn(folder);
  return {
    signing: names.filter((name) => SIGNING.test(name)),
    verifying: names.filter((name) => VERIFYING.test(name)),
  };
}

function numberOf(file: string): number {
  return Number(file.slice(0, 6));
}

/** Sorted; none where there is no folder. */
async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).sort();
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return [];
    throw thrown;
  }
}

function fileName(version: number): string {
  return String(version).padStart(6, '0');
}
