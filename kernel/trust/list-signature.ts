import { createHash } from 'node:crypto';
import { codeOf, MagError, messageOf } from '../errors.ts';
import { certifiedSigner } from './certificate.ts';
import type { CertificateIdentity, Signers, TrustedKey } from './policy.ts';
import { keyAmong, parseSignature } from './signature.ts';
import { requireInForce } from './signer.ts';

/**
 * Who of an issuer's keys or identities signed these bytes, in force or not; `null`: none of them.
 * @throws `E_SIG_MISSING`, `E_SIG_INVALID`, `E_CONFIG` when the root of the identities is not there
 */
function signerAmong(
  bytes: Uint8Array,
  bundle: string | null,
  { keys, identities, trustedRoot }: Signers,
): { name: string; entry: TrustedKey | CertificateIdentity } | null {
  const signature = parseSignature(bundle);
  const digest = createHash('sha256').update(bytes).digest('hex');
  // A statement about the list would be a second form of the same, to be told from statements about packages.
  if (signature.kind !== 'message' || !signature.subjects.includes(digest)) return null;
  if (signature.keyHint !== null) {
    const key = keyAmong(signature, bytes, keys);
    return key === undefined ? null : { name: `the key ${key.id}`, entry: key };
  }
  if (identities.length === 0 || trustedRoot === null) return null;
  if (trustedRoot.material === null)
    throw new MagError('E_CONFIG', `The trusted root ${trustedRoot.file} is not there.`);
  const { issuer, san } = certifiedSigner(signature, bytes, trustedRoot.material);
  const identity = identities.find((known) => known.issuer === issuer && known.san === san);
  return identity === undefined ? null : { name: `the identity ${san}`, entry: identity };
}

/**
 * Why a list is not signed by its issuer as the policy has it now; `null`: it is.
 * @returns a sentence without a stop
 */
export function signatureTrouble(
  bytes: Uint8Array,
  bundle: string | null,
  signers: Signers,
  now: Date,
): string | null {
  try {
    const signer = signerAmong(bytes, bundle, signers);
    if (signer === null) return 'it is not signed by a key or identity of its issuer';
    requireInForce(signer.entry, signer.name, now);
    return null;
  } catch (failure) {
    if (codeOf(failure) === undefined) throw failure;
    return messageOf(failure).replace(/\.$/, '');
  }
}
