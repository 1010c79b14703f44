import { createHash } from 'node:crypto';
import type { Manifest } from '../../manifests/manifest/manifest.ts';
import { MagError } from '../errors.ts';
import { type PackageFiles, readArchive } from './archive.ts';
import { type PackageContents, readContents } from './contents.ts';
import type { Tier, TrustPolicy } from './policy.ts';
import { readManifestJson } from './read-manifest.ts';
import { parseSignature, type Signature } from './signature.ts';
import { findSigner } from './signer.ts';
import { withinTier } from './tier-limits.ts';

declare const verified: unique symbol;

/**
 * A value that was verified against the trust policy. Only this module can make one: the mark has no name
 * outside it. Whoever takes `Verified<Package>` cannot be handed anything else.
 */
export type Verified<T> = T & { readonly [verified]: true };

export interface Package extends LoadedPackage {
  /** With the limits its tier allows. */
  readonly manifest: Manifest;
  readonly archive: Uint8Array;
  /** JSON text of the Sigstore bundle. */
  readonly bundle: string;
  /** The first segment of the id, which the signed bytes carry. */
  readonly publisher: string;
  readonly tier: Tier;
  /** The id of the key in the trust policy. */
  readonly signedBy: string;
}

export interface LoadedPackage extends PackageContents {
  /** `sha256:<hex>` of the archive. */
  readonly digest: string;
}

export interface Submission {
  readonly archive: Uint8Array;
  readonly bundle: string | null;
  readonly policy: TrustPolicy;
  readonly now: Date;
}

/**
 * Verifies a package against the policy of this moment. Run again on what is installed it answers
 * `E_SIG_REVOKED` when the key was removed or has expired since.
 * @throws `E_SIG_MISSING`, `E_SIG_INVALID`, `E_SIG_SUBJECT`, `E_SIG_UNTRUSTED`, `E_SIG_IDENTITY`,
 *   `E_SIG_REVOKED`, `E_PKG_INVALID`, `E_MANIFEST_INVALID`, `E_UNSUPPORTED`
 */
export async function verifyPackage({
  archive,
  bundle,
  policy,
  now,
}: Submission): Promise<Verified<Package>> {
  const signature = parseSignature(bundle);
  const digest = sha256(archive);
  const { files, publisher } = await readPublisher(archive, digest, signature);
  const { tier, signedBy } = findSigner({ signature, archive, digest }, publisher, policy, now);
  const contents = readContents(files);
  const checked: Package = {
    ...contents,
    manifest: withinTier(contents.manifest, tier),
    digest: `sha256:${digest}`,
    archive,
    bundle: bundle ?? '',
    publisher,
    tier,
    signedBy,
  };
  return mark(checked);
}

/**
 * Unpacks stored bytes to load code from them. spec 02, trust policy: code is only ever loaded from the
 * bytes that were verified, so they are hashed again.
 * @throws `E_PKG_INVALID`
 */
export async function loadPackage(archive: Uint8Array, expectedDigest: string): Promise<LoadedPackage> {
  const digest = `sha256:${sha256(archive)}`;
  if (digest !== expectedDigest) {
    throw new MagError(
      'E_PKG_INVALID',
      'The stored package is not the one that was verified: its digest differs.',
    );
  }
  return { ...readContents(await readArchive(archive)), digest };
}

/**
 * Whose package it says it is: nothing else in it is believed, or even looked at, before the signature is.
 * Bytes that are no package and not what was signed either were damaged after signing.
 */
async function readPublisher(
  archive: Uint8Array,
  digest: string,
  signature: Signature,
): Promise<{ files: PackageFiles; publisher: string }> {
  try {
    const files = await readArchive(archive);
    const { id } = readManifestJson(files.get('manifest.json') ?? new Uint8Array());
    return { files, publisher: id.slice(0, id.indexOf('/')) };
  } catch (error) {
    if (signature.subjects.includes(digest)) throw error;
    throw new MagError('E_SIG_INVALID', 'The package was changed after it was signed, it is damaged.', {
      cause: error,
    });
  }
}

function mark<T>(value: T): Verified<T> {
  return value as Verified<T>;
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
