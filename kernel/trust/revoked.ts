import semver from 'semver';
import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import { publisherOf } from '../../manifests/manifest/publisher-of.ts';
import { MagError } from '../errors.ts';
import { type ActiveList, entryText, type RevocationEntry } from './revocation-list.ts';
import type { SignerMark } from './signers.ts';

/** A package, as lists speak of it. */
export interface Revocable {
  /** `sha256:<hex>` */
  readonly digest: string;
  readonly id: ExtensionId;
  readonly version: string;
}

/** What a list says of a package. */
export interface Revocation {
  readonly issuer: string;
  readonly number: number;
  readonly entry: RevocationEntry;
}

/** Whether the package was signed by this key or identity. */
export type SignedBy = (signer: SignerMark) => boolean | Promise<boolean>;

/** The first entry that takes a package back, of the lists that may. `null`: none does. */
export async function revocationOf(
  revocable: Revocable,
  signedBy: SignedBy,
  lists: readonly ActiveList[],
): Promise<Revocation | null> {
  const publisher = publisherOf(revocable.id);
  for (const { list, publishers } of lists) {
    if (publishers !== null && !publishers.includes(publisher)) continue;
    for (const entry of list.revoked) {
      if (await concerns(entry, revocable, signedBy))
        return { issuer: list.issuer, number: list.number, entry };
    }
  }
  return null;
}

/** @throws `E_SIG_REVOKED` naming the list and the entry */
export async function requireNotRevoked(
  revocable: Revocable,
  signedBy: SignedBy,
  lists: readonly ActiveList[],
): Promise<void> {
  const revocation = await revocationOf(revocable, signedBy, lists);
  if (revocation !== null) throw revoked(revocable, revocation);
}

export function revoked({ id, version }: Revocable, revocation: Revocation): MagError {
  return new MagError('E_SIG_REVOKED', `${id} ${version} is revoked by ${revocationText(revocation)}.`);
}

/** `list 12 of acme-security (version acme/hello <1.2.3, since …: it leaks keys)` */
export function revocationText({ issuer, number, entry }: Revocation): string {
  return `list ${number} of ${issuer} (${entryText(entry)}, since ${entry.revokedAt}: ${entry.reason})`;
}

function concerns(
  entry: RevocationEntry,
  { digest, id, version }: Revocable,
  signedBy: SignedBy,
): boolean | Promise<boolean> {
  switch (entry.kind) {
    case 'package':
      return digest === `sha256:${entry.sha256}`;
    case 'version':
      return entry.id === id && semver.satisfies(version, entry.versions, { includePrerelease: true });
    case 'publisher':
      return entry.publisher === publisherOf(id);
    default:
      return signedBy(entry);
  }
}
