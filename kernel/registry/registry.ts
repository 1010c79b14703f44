import type { ExtensionId, Manifest } from '../../manifests/manifest/manifest.ts';
import { MagError } from '../errors.ts';
import type { ExtensionRecord, Stores } from '../ports.ts';
import type { TrustPolicy } from '../trust/policy.ts';
import {
  type LoadedPackage,
  loadPackage,
  type Package,
  type Verified,
  verifyPackage,
} from '../trust/verify.ts';
import type { Node } from './dependencies.ts';

export interface RegistryOptions {
  readonly stores: Pick<Stores, 'packages' | 'extensions'>;
  /** The trust policy as it is now. */
  readonly policy: () => Promise<TrustPolicy>;
  readonly now: () => Date;
}

/** What is installed, and the way from a record to the verified bytes behind it. */
export class Registry {
  readonly #options: RegistryOptions;
  /** By digest: a manifest never changes under its digest. */
  readonly #manifests = new Map<string, Manifest>();

  constructor(options: RegistryOptions) {
    this.#options = options;
  }

  /** @throws `E_NOT_FOUND` */
  async record(id: ExtensionId): Promise<ExtensionRecord> {
    const record = await this.#options.stores.extensions.get(id);
    if (record === null || record.state === 'uninstalled')
      throw new MagError('E_NOT_FOUND', `${id} is not known here`);
    return record;
  }

  /** All but the uninstalled, in id order. */
  async records(): Promise<ExtensionRecord[]> {
    const records = await this.#options.stores.extensions.list();
    return records.filter(({ state }) => state !== 'uninstalled').sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  async manifest(digest: string): Promise<Manifest> {
    const known = this.#manifests.get(digest);
    if (known !== undefined) return known;
    const { manifest } = await this.loaded(digest);
    this.#manifests.set(digest, manifest);
    return manifest;
  }

  /** What a stored package holds, without asking whether its signer is still trusted: to look at, never to run. */
  async loaded(digest: string): Promise<LoadedPackage> {
    const { archive } = await this.#bytes(digest);
    return loadPackage(archive, digest);
  }

  /**
   * The package behind a digest, hashed again and verified against the policy of this moment, so that a key
   * removed since stops what it signed (spec 02).
   */
  async verified(digest: string): Promise<Verified<Package>> {
    const { archive, bundle } = await this.#bytes(digest);
    const { policy, now } = this.#options;
    const verified = await verifyPackage({ archive, bundle, policy: await policy(), now: now() });
    if (verified.digest !== digest)
      throw new MagError('E_PKG_INVALID', 'the stored package is not what was verified');
    return verified;
  }

  /** What is installed, as the dependency resolver sees it. */
  async nodes(): Promise<Map<string, Node>> {
    const nodes = new Map<string, Node>();
    for (const record of await this.records()) {
      if (record.state === 'staged') continue;
      const { dependencies } = await this.manifest(record.digest);
      nodes.set(record.id, { id: record.id, version: record.version, dependencies });
    }
    return nodes;
  }

  async #bytes(digest: string): Promise<{ archive: Uint8Array; bundle: string }> {
    const stored = await this.#options.stores.packages.read(digest);
    if (stored === null) throw new MagError('E_NOT_FOUND', `the package ${digest} is not stored here`);
    return stored;
  }
}
