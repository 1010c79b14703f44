import type {
  AnyManifest,
  BundleManifest,
  ExtensionId,
  Manifest,
} from '../../manifests/manifest/manifest.ts';
import { MagError } from '../errors.ts';
import type { ExtensionRecord, PackageBytes, Stores } from '../ports.ts';
import { madeBy } from '../trust/made-by.ts';
import type { TrustPolicy } from '../trust/policy.ts';
import type { ActiveList } from '../trust/revocation-list.ts';
import { type Revocable, type Revocation, revocationOf } from '../trust/revoked.ts';
import {
  type BundlePackage,
  hasCode,
  type LoadedPackage,
  loadContents,
  loadPackage,
  type Package,
  type Verified,
  verifyAny,
  verifyPackage,
} from '../trust/verify.ts';
import type { Node } from './dependencies.ts';

export interface RegistryOptions {
  readonly stores: Pick<Stores, 'packages' | 'extensions'>;
  /** The trust policy as it is now. */
  readonly policy: () => Promise<TrustPolicy>;
  readonly now: () => Date;
}

/** The revocation lists that count. */
interface Revocations {
  readonly lists: readonly ActiveList[];
  /**
   * What they say of a stored extension, whether or not its signer is still trusted; `null`: none takes it back.
   * A bundle has no code that could be stopped.
   */
  readonly of: (digest: string) => Promise<(Revocable & { readonly revocation: Revocation }) | null>;
}

/** What is installed, and the way from a record to the verified bytes behind it. */
export class Registry {
  readonly #options: RegistryOptions;
  /** By digest: a manifest never changes under its digest. */
  readonly #manifests = new Map<string, AnyManifest>();

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

  /** Of an extension or a bundle. */
  async describe(digest: string): Promise<AnyManifest> {
    const known = this.#manifests.get(digest);
    if (known !== undefined) return known;
    const { archive } = await this.#bytes(digest);
    const { manifest } = await loadContents(archive, digest);
    this.#manifests.set(digest, manifest);
    return manifest;
  }

  /** @throws `E_STATE` for a bundle */
  async manifest(digest: string): Promise<Manifest> {
    const manifest = await this.describe(digest);
    if (manifest.kind === 'extension') return manifest;
    throw new MagError('E_STATE', `${manifest.id} is a bundle: this is done with its members`);
  }

  /** What a stored package holds, without asking whether its signer is still trusted: to look at, never to run. */
  async loaded(digest: string): Promise<LoadedPackage> {
    const { archive } = await this.#bytes(digest);
    return loadPackage(archive, digest);
  }

  /**
   * The package behind a digest, hashed again and verified against the policy of this moment, so that a key
   * removed since stops what it signed (spec 02), and reviews asked for since what has none.
   */
  async verified(digest: string): Promise<Verified<Package>> {
    const files = await this.#bytes(digest);
    const { policy, now } = this.#options;
    const verified = await verifyPackage({ ...files, policy: await policy(), now: now() });
    if (verified.digest !== digest)
      throw new MagError('E_PKG_INVALID', 'the stored package is not what was verified');
    return verified;
  }

  /** The package of a bundle, verified like one of an extension. */
  async verifiedBundle(digest: string): Promise<Verified<BundlePackage>> {
    const files = await this.#bytes(digest);
    const { policy, now } = this.#options;
    const verified = await verifyAny({ ...files, policy: await policy(), now: now() });
    if (verified.digest === digest && !hasCode(verified)) return verified;
    throw new MagError('E_PKG_INVALID', 'the stored package is not the bundle that was verified');
  }

  /** What the revocation lists of this moment say. @throws `E_REVOCATION_LIST` when a stored one cannot be read */
  async revocations(): Promise<Revocations> {
    const policy = await this.#options.policy();
    return { lists: policy.lists, of: (digest) => this.#revocation(digest, policy) };
  }

  async #revocation(digest: string, policy: TrustPolicy): ReturnType<Revocations['of']> {
    const { kind, id, version } = await this.describe(digest);
    if (kind === 'bundle') return null;
    const signedBy = madeBy(id, () => this.#bytes(digest), policy);
    const revocation = await revocationOf({ digest, id, version }, signedBy, policy.lists);
    return revocation === null ? null : { digest, id, version, revocation };
  }

  /** The extensions that are installed, as the dependency resolver sees them. */
  async nodes(): Promise<Map<string, Node>> {
    const nodes = new Map<string, Node>();
    for (const { record, manifest } of await this.#installed()) {
      if (manifest.kind === 'bundle') continue;
      const { dependencies } = manifest;
      nodes.set(record.id, { id: record.id, version: record.version, dependencies });
    }
    return nodes;
  }

  /** The bundles that are installed. */
  async bundles(): Promise<{ record: ExtensionRecord; manifest: BundleManifest }[]> {
    return (await this.#installed()).flatMap(({ record, manifest }) =>
      manifest.kind === 'bundle' ? [{ record, manifest }] : [],
    );
  }

  async #installed(): Promise<{ record: ExtensionRecord; manifest: AnyManifest }[]> {
    const installed: { record: ExtensionRecord; manifest: AnyManifest }[] = [];
    for (const record of await this.records()) {
      if (record.state !== 'staged') installed.push({ record, manifest: await this.describe(record.digest) });
    }
    return installed;
  }

  async #bytes(digest: string): Promise<PackageBytes> {
    const stored = await this.#options.stores.packages.read(digest);
    if (stored === null) throw new MagError('E_NOT_FOUND', `the package ${digest} is not stored here`);
    return stored;
  }
}
