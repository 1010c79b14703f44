import { MagError, messageOf } from '../errors.ts';
import type { CertificateIdentity, Signers, TrustedKey, Validity } from './policy.ts';
import { fingerprint, parsePublicKey } from './public-key.ts';

// The keys and identities of a policy: which is which, and whether one holds now.

/** The key or identity that a signature was found to be of. */
export type SignerMark =
  /** SHA-256 of the SPKI, hex. */
  | { readonly kind: 'key'; readonly fingerprint: string }
  | { readonly kind: 'identity'; readonly issuer: string; readonly san: string };

/** The key or identity that signed something, found among those that are known. */
export interface Match {
  /** The id of the key, or the san of the identity. */
  readonly name: string;
  readonly entry: TrustedKey | CertificateIdentity;
}

export function markOf(signer: TrustedKey | CertificateIdentity): SignerMark {
  if ('san' in signer) return { kind: 'identity', issuer: signer.issuer, san: signer.san };
  return { kind: 'key', fingerprint: fingerprint(parsePublicKey(signer.publicKey)) };
}

/** Whether two marks are of one signer. */
export function isSigner(one: SignerMark, other: SignerMark): boolean {
  if (one.kind === 'key') return other.kind === 'key' && one.fingerprint === other.fingerprint;
  return other.kind === 'identity' && one.issuer === other.issuer && one.san === other.san;
}

export function marksOf({ keys, identities }: Signers): SignerMark[] {
  return [...keys, ...identities].map(markOf);
}

/** Whether they have a key or an identity in common, removed ones included. */
export function isSameParty(one: Signers, other: Signers): boolean {
  const marks = marksOf(one);
  return marksOf(other).some((mark) => marks.some((known) => isSigner(known, mark)));
}

/**
 * spec 02, trust policy: removed or expired. One that is not valid yet was never taken back: whoever signed is one
 * that the publisher is not trusted with, so far.
 * @throws `E_SIG_REVOKED`, `E_SIG_IDENTITY`
 */
export function requireInForce(
  { revokedAt, notBefore, notAfter }: Validity,
  subject: string,
  now: Date,
): void {
  if (revokedAt) throw new MagError('E_SIG_REVOKED', `${subject} was removed.`);
  if (notAfter && notAfter <= now)
    throw new MagError('E_SIG_REVOKED', `${subject} expired on ${notAfter.toISOString()}.`);
  if (notBefore && now < notBefore)
    throw new MagError('E_SIG_IDENTITY', `${subject} is not valid before ${notBefore.toISOString()}.`);
}

/** Why what a key or identity signed does not hold now; `null`: it does. */
export function endOf({ entry, name }: Match, now: Date): string | null {
  try {
    requireInForce(entry, `the ${'san' in entry ? 'identity' : 'key'} ${name}`, now);
    return null;
  } catch (error) {
    return messageOf(error).replace(/\.$/, '');
  }
}
