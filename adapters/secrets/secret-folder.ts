import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { MagError } from '../../kernel/errors.ts';
import { readPrivateFile, writePrivateFile } from '../../kernel/private-file.ts';
import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import {
  isSecretName,
  MAX_SECRET_BYTES,
  type SecretBackend,
  type SecretId,
  type SecretValue,
  secretIn,
} from './secret-backend.ts';

/** What an extension is bound to lies beside its own secrets; no secret has a dot in its name. */
const BINDING = '.binding';
const SEGMENT = /^[a-z0-9][a-z0-9-]*$/;

/** A name of an extension's manifest, and the shared secret that it stands for. */
export interface Binding {
  readonly extension: ExtensionId;
  readonly name: string;
  readonly to: string;
}

/**
 * A folder with a file for each secret: `<NAME>` for those that extensions can be bound to, and
 * `<publisher>/<name>/<NAME>` for those of one extension. Files 0600, folders 0700, as ssh wants keys; a secret
 * in a file that others may read is not used. Every method but `read` throws what the file system does.
 */
export class SecretFolder implements SecretBackend {
  readonly kind = 'folder';
  readonly #root: string;

  /** @param root absolute; made with the first secret */
  constructor(root: string) {
    this.#root = root;
  }

  async read(secret: SecretId): Promise<SecretValue> {
    const found = await readPrivateFile(this.#root, this.#fileOf(secret), MAX_SECRET_BYTES);
    return found.state === 'present' ? secretIn(found.content) : found;
  }

  async list(): Promise<readonly SecretId[]> {
    const shared = (await namesIn(this.#root)).filter(isSecretName);
    const own = await Promise.all(
      (await this.#extensions()).map(async (extension) =>
        (await namesIn(this.#folderOf(extension))).filter(isSecretName).map((name) => ({ name, extension })),
      ),
    );
    return [...shared.map((name) => ({ name, extension: null })), ...own.flat()];
  }

  /** The shared secret a name of an extension stands for; `null`: none. */
  async binding(extension: ExtensionId, name: string): Promise<string | null> {
    const file = this.#fileOf({ name, extension }) + BINDING;
    const found = await readPrivateFile(this.#root, file, MAX_SECRET_BYTES);
    const to = found.state === 'present' ? found.content.toString().trim() : '';
    return isSecretName(to) ? to : null;
  }

  async bindings(): Promise<readonly Binding[]> {
    const found: Binding[] = [];
    for (const extension of await this.#extensions()) {
      const files = (await namesIn(this.#folderOf(extension))).filter((file) => file.endsWith(BINDING));
      for (const name of files.map((file) => file.slice(0, -BINDING.length)).filter(isSecretName)) {
        const to = await this.binding(extension, name);
        if (to !== null) found.push({ extension, name, to });
      }
    }
    return found;
  }

  /** @throws `E_BAD_REQUEST` for what is no secret */
  async set(secret: SecretId, value: Buffer): Promise<void> {
    if (value.length > MAX_SECRET_BYTES)
      throw new MagError('E_BAD_REQUEST', `A secret has at most ${MAX_SECRET_BYTES} bytes.`);
    const read = secretIn(value);
    if (read.state !== 'present') throw new MagError('E_BAD_REQUEST', 'A secret is text, and not empty.');
    await writePrivateFile(this.#root, this.#fileOf(secret), read.value);
  }

  /**
   * Makes a name of an extension stand for a shared secret, wherever that is kept.
   * @throws `E_STATE` when the extension has a secret of its own by that name
   */
  async bind({ extension, name, to }: Binding): Promise<void> {
    const file = this.#fileOf({ name, extension });
    if ((await this.read({ name, extension })).state !== 'missing')
      throw new MagError('E_STATE', `${extension} has a secret ${name} of its own; remove that first.`);
    await writePrivateFile(this.#root, file + BINDING, this.#checked(to));
  }

  /** Removes a secret; of an extension, what its name is bound to as well. False if there was nothing. */
  async remove(secret: SecretId): Promise<boolean> {
    const file = this.#fileOf(secret);
    const removed = [await unlinked(file)];
    if (secret.extension !== null) removed.push(await unlinked(file + BINDING));
    return removed.includes(true);
  }

  /** Removes what an extension has of its own. */
  async clear(extension: ExtensionId): Promise<void> {
    await rm(this.#folderOf(extension), { recursive: true, force: true });
  }

  async #extensions(): Promise<ExtensionId[]> {
    const ids: ExtensionId[] = [];
    for (const publisher of (await namesIn(this.#root)).filter((name) => SEGMENT.test(name))) {
      const names = (await namesIn(join(this.#root, publisher))).filter((name) => SEGMENT.test(name));
      ids.push(...names.map((name) => `${publisher}/${name}` as const));
    }
    return ids;
  }

  #fileOf({ name, extension }: SecretId): string {
    return join(extension === null ? this.#root : this.#folderOf(extension), this.#checked(name));
  }

  #folderOf(extension: ExtensionId): string {
    const [publisher = '', name = ''] = extension.split('/');
    return join(this.#root, publisher, name);
  }

  /** Never a path. @throws `E_BAD_REQUEST` */
  #checked(name: string): string {
    if (isSecretName(name)) return name;
    throw new MagError('E_BAD_REQUEST', 'A secret has capitals, digits and _ in its name, a capital first.');
  }
}

/** Sorted; none where there is no folder. */
async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).sort();
  } catch (thrown) {
    if (isAbsent(thrown)) return [];
    throw thrown;
  }
}

async function unlinked(file: string): Promise<boolean> {
  try {
    await rm(file);
    return true;
  } catch (thrown) {
    if (isAbsent(thrown)) return false;
    throw thrown;
  }
}

function isAbsent(thrown: unknown): boolean {
  return (
    thrown instanceof Error && 'code' in thrown && (thrown.code === 'ENOENT' || thrown.code === 'ENOTDIR')
  );
}
