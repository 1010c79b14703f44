import { createHash } from 'node:crypto';
import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import { publisherOf } from '../../manifests/manifest/publisher-of.ts';
import { MatchedSignature } from './match-signer.ts';
import type { PublisherTrust, TrustPolicy } from './policy.ts';
import type { SignedBy } from './revoked.ts';
import { parseSignature } from './signature.ts';
import { isSigner, markOf, marksOf, type SignerMark } from './signers.ts';

interface Stored {
  readonly archive: Uint8Array;
  readonly bundle: string;
}

/**
 * Answers whether a stored package was signed by a key or identity of its publisher, in force or not. The bytes are
 * read when it comes to that: most lists name none of the publisher's.
 */
export function madeBy(id: ExtensionId, read: () => Promise<Stored>, policy: TrustPolicy): SignedBy {
  const trust = policy.publishers.get(publisherOf(id));
  let signer: Promise<SignerMark | null> | undefined;
  return async (asked) => {
    if (trust === undefined || !marksOf(trust).some((mark) => isSigner(mark, asked))) return false;
    signer ??= read().then((stored) => signerOf(stored, trust));
    const mark = await signer;
    return mark !== null && isSigner(mark, asked);
  };
}

function signerOf({ archive, bundle }: Stored, trust: PublisherTrust): SignerMark | null {
  const signature = parseSignature(bundle);
  // A statement verifies without the bytes: it must be one about them.
  const digest = createHash('sha256').update(archive).digest('hex');
  if (!signature.subjects.includes(digest)) return null;
  const match = new MatchedSignature(signature, archive).signerAmong(trust);
  return match === null ? null : markOf(match.entry);
}
