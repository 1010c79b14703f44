import { createHash } from 'node:crypto';
import type { AnyManifest, Manifest } from '../../manifests/manifest/manifest.ts';
import { publisherOf } from '../../manifests/manifest/publisher-of.ts';
import { MagError } from '../errors.ts';
import { type PackageFiles, readArchive } from './archive.ts';
import { requireAttested } from './attestations.ts';
import { type BundleContents, type PackageContents, readAnyContents, readContents } from './contents.ts';
import { findSigner } from './find-signer.ts';
import type { Tier, TrustPolicy } from './policy.ts';
import { readManifestJson } from './read-manifest.ts';
import { requireNotRevoked } from './revoked.ts';
import { parseSignature, type Signature } from './signature.ts';
import { isSigner } from './signers.ts';
import { withinTier } from './tier-limits.ts';

declare const verified: unique symbol;

/**
 * A value that was verified against the trust policy. Only this module can make one: the mark has no name
 * outside it. Whoever takes `Verified<Package>` cannot be handed anything else.
 */
export type Verified<T> = T & { readonly [verified]: true };

/** Whose a package is, and the bytes of it. */
interface Signed {
  /** `sha256:<hex>` of the archive. */
  readonly digest: string;
  readonly archive: Uint8Array;
  /** JSON text of the Sigstore bundle. */
  readonly bundle: string;
  /** The lines that came with it: only those that the policy asked for were verified. Empty: none came. */
  readonly attestations: string;
  /** The first segment of the id, which the signed bytes carry. */
  readonly publisher: string;
  readonly tier: Tier;
  /** The id of the key in the trust policy. */
  readonly signedBy: string;
}

export interface Package extends LoadedPackage, Signed {
  /** With the limits its tier allows. */
  readonly manifest: Manifest;
}

/** The package of a bundle: it names its members, whose packages are verified by themselves. */
export interface BundlePackage extends BundleContents, Signed {}

export interface LoadedPackage extends PackageContents {
  /** `sha256:<hex>` of the archive. */
  readonly digest: string;
}

export interface Submission {
  readonly archive: Uint8Array;
  readonly bundle: string | null;
  /** The text of the `.intoto.jsonl` beside it: a bundle on each line. Absent: there is none. */
  readonly attestations?: string | null;
  readonly policy: TrustPolicy;
  readonly now: Date;
}

/**
 * Verifies the package of an extension or of a bundle against the policy of this moment. Run again on what is
 * installed it answers `E_SIG_REVOKED` when the key was removed or has expired since, or a revocation list takes it
 * back, and `E_SIG_REVIEWS` or `E_SIG_PROVENANCE` when the policy asks for more than came with it.
 * @throws `E_SIG_MISSING`, `E_SIG_INVALID`, `E_SIG_SUBJECT`, `E_SIG_UNTRUSTED`, `E_SIG_IDENTITY`,
 *   `E_SIG_REVOKED`, `E_SIG_REVIEWS`, `E_SIG_PROVENANCE`, `E_PKG_INVALID`, `E_MANIFEST_INVALID`, `E_UNSUPPORTED`
 */
export async function verifyAny({
  archive,
  bundle,
  attestations = null,
  policy,
  now,
}: Submission): Promise<Verified<Package> | Verified<BundlePackage>> {
  const signature = parseSignature(bundle);
  const digest = sha256(archive);
  const { files, publisher } = await readPublisher(archive, digest, signature);
  const { tier, signedBy, mark: by } = findSigner({ signature, archive, digest }, publisher, policy, now);
  requireAttested({ attestations, digest, publisher, policy, now });
  const contents = readAnyContents(files);
  const { id, version } = contents.manifest;
  const revocable = { digest: `sha256:${digest}`, id, version };
  await requireNotRevoked(revocable, (entry) => isSigner(entry, by), policy.lists);
  const bytes = { archive, bundle: bundle ?? '', attestations: attestations ?? '' };
  const signed = { digest: `sha256:${digest}`, ...bytes, publisher, tier, signedBy };
  if (!hasCode(contents)) return mark<BundlePackage>({ ...contents, ...signed });
  return mark<Package>({ ...contents, manifest: withinTier(contents.manifest, tier), ...signed });
}

/**
 * Verifies the package of an extension.
 * @throws what `verifyAny` throws; `E_PKG_INVALID` for a bundle, of which nothing can be run
 */
export async function verifyPackage(submission: Submission): Promise<Verified<Package>> {
  const verified = await verifyAny(submission);
  if (hasCode(verified)) return verified;
  const { id, version } = verified.manifest;
  throw new MagError('E_PKG_INVALID', `${id} ${version} is a bundle, which has no code of its own.`);
}

/** Whether it is an extension; else it is a bundle. */
export function hasCode<Contents extends { readonly manifest: AnyManifest }>(
  contents: Contents,
): contents is Extract<Contents, { readonly manifest: Manifest }> {
  return contents.manifest.kind === 'extension';
}

/**
 * Unpacks stored bytes to load code from them. spec 02, trust policy: code is only ever loaded from the
 * bytes that were verified, so they are hashed again.
 * @throws `E_PKG_INVALID`, also for a bundle
 */
export async function loadPackage(archive: Uint8Array, expectedDigest: string): Promise<LoadedPackage> {
  return { ...readContents(await storedFiles(archive, expectedDigest)), digest: expectedDigest };
}

/**
 * What the stored package of an extension or a bundle holds.
 * @throws `E_PKG_INVALID`
 */
export async function loadContents(
  archive: Uint8Array,
  expectedDigest: string,
): Promise<PackageContents | BundleContents> {
  return readAnyContents(await storedFiles(archive, expectedDigest));
}

function storedFiles(archive: Uint8Array, expectedDigest: string): Promise<PackageFiles> {
  if (`sha256:${sha256(archive)}` === expectedDigest) return readArchive(archive);
  throw new MagError(
    'E_PKG_INVALID',
    'The stored package is not the one that was verified: its digest differs.',
  );
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
    return { files, publisher: publisherOf(id) };
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
