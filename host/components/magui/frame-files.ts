import type { ExtensionId } from '../../../manifests/manifest/manifest.ts';

/** The packages of the extensions that run here. */
export interface PackageSource {
  /** Hex of the sha256 of the package that runs; `null`: none does. */
  digestOf(id: ExtensionId): Promise<string | null>;
  /** Its files, after they were hashed again. @throws `E_PKG_INVALID` */
  filesOf(digest: string): Promise<ReadonlyMap<string, Uint8Array>>;
}

export interface FrameFile {
  readonly type: string;
  readonly bytes: Uint8Array;
}

/** What a browser is told a file is, by its ending. Anything else is not served. */
const TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  mjs: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  json: 'application/json',
  svg: 'image/svg+xml',
  png: 'image/png',
  jpg: 'image/jpeg',
  gif: 'image/gif',
  webp: 'image/webp',
  woff2: 'font/woff2',
};
const FOLDER = 'ui/';
/** Packages whose files are kept at once. */
const MAX_KEPT = 20;

/**
 * Files of packages, by the digest of their package: a page and what it loads are of one version, while another one
 * is being switched to. Names are looked up among those of the package; no path of this machine is involved.
 */
export class FrameFiles {
  readonly #source: PackageSource;
  readonly #kept = new Map<string, Promise<ReadonlyMap<string, Uint8Array>>>();

  constructor(source: PackageSource) {
    this.#source = source;
  }

  async find(id: ExtensionId, digest: string, path: string): Promise<FrameFile | null> {
    const type = TYPES[path.slice(path.lastIndexOf('.') + 1)];
    if (type === undefined || !path.startsWith(FOLDER)) return null;
    if ((await this.#source.digestOf(id)) !== digest) return null;
    const bytes = (await this.#filesOf(digest)).get(path);
    return bytes === undefined ? null : { type, bytes };
  }

  #filesOf(digest: string): Promise<ReadonlyMap<string, Uint8Array>> {
    const kept = this.#kept.get(digest) ?? this.#read(digest);
    this.#kept.delete(digest);
    this.#kept.set(digest, kept); // the one that was not asked for longest goes first
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > MAX_KEPT && oldest !== undefined) this.#kept.delete(oldest);
    return kept;
  }

  async #read(digest: string): Promise<ReadonlyMap<string, Uint8Array>> {
    try {
      const files = await this.#source.filesOf(digest);
      return new Map([...files].filter(([name]) => name.startsWith(FOLDER)));
    } catch (error) {
      this.#kept.delete(digest); // storage may be back the next time
      throw error;
    }
  }
}
