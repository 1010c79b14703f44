import semver from 'semver';
import { MagError } from '../errors.ts';
import type { Parts } from '../lifecycle/parts.ts';
import { refuseRollback } from '../lifecycle/target-version.ts';
import type { Staged, Upload } from '../operator.ts';
import { mergeAttestations } from '../trust/attestation-file.ts';
import type { TrustPolicy } from '../trust/policy.ts';
import { verifyAny } from '../trust/verify.ts';
import { membersOf } from './bundle-view.ts';
import { stagingWarnings } from './staging-warnings.ts';

/** A package of an extension or a bundle whose signature holds. */
export type VerifiedUpload = Awaited<ReturnType<typeof verifyAny>>;

/** Takes packages in: verified first, then stored by digest. */
export class Staging {
  readonly #parts: Parts;
  readonly #policy: () => Promise<TrustPolicy>;

  constructor(parts: Parts, policy: () => Promise<TrustPolicy>) {
    this.#parts = parts;
    this.#policy = policy;
  }

  /** Stores nothing. @throws `E_PKG_*`, `E_SIG_*`, `E_MANIFEST_INVALID`, `E_UNSUPPORTED` */
  async verify({ archive, bundle, attestations }: Upload): Promise<VerifiedUpload> {
    const [policy, now] = [await this.#policy(), this.#parts.clock.now()];
    const verified = await verifyAny({ archive, bundle, attestations, policy, now });
    await this.#refuseKnown(verified);
    return verified;
  }

  /** The record follows while nothing of it is installed. */
  async store(verified: VerifiedUpload): Promise<Staged> {
    const { stores } = this.#parts;
    const { manifest, digest, publisher, tier, signedBy, archive, bundle } = verified;
    const { id, version } = manifest;
    const attestations = await this.#allAttestations(verified);
    const entry = { digest, id, version, publisher, tier, signedBy, sizeBytes: archive.byteLength };
    await stores.packages.put(entry, { archive, bundle, attestations });
    const record = await stores.extensions.get(id);
    const isNewest = record?.state !== 'staged' || semver.gte(version, record.version);
    if (record === null || record.state === 'uninstalled' || (record.state === 'staged' && isNewest)) {
      const highestVersion = record?.highestVersion ?? null;
      const fresh = {
        id,
        state: 'staged',
        version,
        digest,
        highestVersion,
        config: {},
        reason: null,
      } as const;
      await stores.extensions.put(fresh);
    }
    const stored = await stores.packages.find(id, version);
    if (stored === null) throw new MagError('E_STORAGE', 'the package was not stored');
    const members = await membersOf(manifest, this.#parts);
    return { package: stored, manifest, members, warnings: await stagingWarnings(manifest, this.#parts) };
  }

  /** @throws `E_PKG_ROLLBACK`, `E_PKG_EQUIVOCATION` (spec 02, trust policy); `E_PKG_INVALID` for another kind */
  async #refuseKnown({ manifest, digest }: VerifiedUpload): Promise<void> {
    const { stores, registry } = this.#parts;
    const record = await stores.extensions.get(manifest.id);
    refuseRollback(manifest, record?.highestVersion ?? null);
    const [other] = await stores.packages.list(manifest.id);
    const kind = other === undefined ? manifest.kind : (await registry.describe(other.digest)).kind;
    if (kind !== manifest.kind)
      throw new MagError('E_PKG_INVALID', `${manifest.id} is known here as another kind: ${kind}`);
    const same = await stores.packages.find(manifest.id, manifest.version);
    if (same === null || same.digest === digest) return;
    throw new MagError(
      'E_PKG_EQUIVOCATION',
      `${manifest.id} ${manifest.version} was staged before with other content`,
    );
  }

  /** With those it was staged with before: reviews come one by one, and from different hands. */
  async #allAttestations({ manifest, digest, attestations }: VerifiedUpload): Promise<string> {
    const { packages } = this.#parts.stores;
    if ((await packages.find(manifest.id, manifest.version)) === null) return attestations;
    const before = await packages.read(digest);
    return mergeAttestations(attestations, before?.attestations ?? '');
  }
}
