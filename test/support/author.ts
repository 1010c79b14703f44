import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { generateKey, packExtension, signPackage } from '../../host/packaging/index.ts';

export interface SignedPackage {
  readonly id: string;
  readonly version: string;
  readonly archive: Uint8Array;
  readonly bundle: string;
  /** Reviews and provenance, a line each. */
  readonly attestations?: string;
}

export interface ExtensionSource {
  /** Members of the manifest; what is missing is filled in. `id` is the name behind the publisher. */
  readonly manifest: Record<string, unknown> & { readonly name: string; readonly version?: string };
  /** The entry module: `export default { … }`. */
  readonly code: string;
  /** Further files by path. */
  readonly files?: Readonly<Record<string, string>>;
}

/** A publisher with a key of its own who packs and signs real packages in a temporary folder. */
export class Author implements AsyncDisposable {
  readonly publisher: string;
  readonly publicKey: string;
  readonly #folder: string;
  readonly #keyFile: string;

  private constructor(publisher: string, folder: string, keyFile: string, publicKey: string) {
    this.publisher = publisher;
    this.publicKey = publicKey;
    this.#folder = folder;
    this.#keyFile = keyFile;
  }

  static async create(publisher: string): Promise<Author> {
    const folder = await mkdtemp(join(tmpdir(), 'magflock-author-'));
    const { privateKey, publicKey } = await generateKey(join(folder, publisher));
    return new Author(publisher, folder, privateKey, await readFile(publicKey, 'utf8'));
  }

  async publish({ manifest, code, files = {} }: ExtensionSource): Promise<SignedPackage> {
    const { name, version = '1.0.0', ...members } = manifest;
    const id = `${this.publisher}/${name}`;
    const dir = await mkdtemp(join(this.#folder, `${name}-`));
    const whole = {
      manifestVersion: 1,
      kind: 'extension',
      id,
      version,
      displayName: name,
      description: `The ${name} extension of a test.`,
      license: 'MIT',
      engines: { magflock: '^1.0.0' },
      entry: 'dist/index.js',
      ...members,
    };
    const all = { ...files, 'manifest.json': JSON.stringify(whole), 'dist/index.js': code };
    for (const [path, content] of Object.entries(all)) {
      await mkdir(dirname(join(dir, path)), { recursive: true });
      await writeFile(join(dir, path), content);
    }
    const { file } = await packExtension(dir, join(dir, 'out.mag'));
    const bundle = await readFile(await signPackage(file, this.#keyFile), 'utf8');
    return { id, version, archive: await readFile(file), bundle };
  }

  /** A bundle of extensions: `extensions` are ids of members with their ranges. */
  async publishBundle(
    name: string,
    version: string,
    extensions: Readonly<Record<string, string>>,
    members: Record<string, unknown> = {},
  ): Promise<SignedPackage & { readonly file: string }> {
    const id = `${this.publisher}/${name}`;
    const dir = await mkdtemp(join(this.#folder, `${name}-`));
    await writeFile(
      join(dir, 'manifest.json'),
      JSON.stringify({ manifestVersion: 1, kind: 'bundle', id, version, extensions, ...members }),
    );
    const { file } = await packExtension(dir);
    const bundle = await readFile(await signPackage(file, this.#keyFile), 'utf8');
    return { id, version, archive: await readFile(file), bundle, file };
  }

  /** The bundle over any bytes: what a publisher with a bad archive would send. */
  async sign(archive: Uint8Array): Promise<string> {
    const file = join(await mkdtemp(join(this.#folder, 'raw-')), 'raw.mag');
    await writeFile(file, archive);
    return readFile(await signPackage(file, this.#keyFile), 'utf8');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }
}
