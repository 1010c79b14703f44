import type { Code } from '../../manifests/catalog/index.ts';
import { MagError } from '../errors.ts';
import type { PublisherTrust, TrustedKey, TrustPolicy } from './policy.ts';
import { defaultKeyId, fingerprint, keyHint, parsePublicKey } from './public-key.ts';
import { isSignedBy, type Signature } from './signature.ts';

interface SignedBytes {
  readonly signature: Signature;
  readonly archive: Uint8Array;
  /** SHA-256 of `archive`, hex. */
  readonly digest: string;
}

/**
 * Who of the publisher's keys signed these bytes. Every key is tried: the hint in the bundle never decides
 * what is accepted, only what a refusal is called.
 * @throws `E_SIG_UNTRUSTED`, `E_SIG_SUBJECT`, `E_SIG_IDENTITY`, `E_SIG_REVOKED`, `E_SIG_INVALID`
 */
export function findSigner(
  signed: SignedBytes,
  publisher: string,
  policy: TrustPolicy,
  now: Date,
): { tier: PublisherTrust['tier']; signedBy: string } {
  const trust = policy.publishers.get(publisher);
  // spec 02, trust policy: no entry for the publisher; there is no accept-all.
  if (!trust) throw refuse('E_SIG_UNTRUSTED', `The publisher ${publisher} is not in the trust policy`);
  if (signed.signature.keyHint === null) throw refuseCertificate(publisher, trust);
  const key = trust.keys.find((candidate) => verifies(signed, candidate));
  const covers = signed.signature.subjects.includes(signed.digest);
  if (!covers && (key || signed.signature.kind === 'message')) throw refuseSubject(signed, key);
  if (!key) throw refuseStranger(signed, publisher, trust, policy);
  // spec 02, trust policy: removed or expired key
  if (key.revokedAt) throw refuse('E_SIG_REVOKED', `The key ${key.id} of ${publisher} was removed`);
  if (key.notAfter && key.notAfter <= now) {
    throw refuse(
      'E_SIG_REVOKED',
      `The key ${key.id} of ${publisher} expired on ${key.notAfter.toISOString()}`,
    );
  }
  return { tier: trust.tier, signedBy: key.id };
}

function verifies({ signature, archive }: SignedBytes, key: TrustedKey): boolean {
  return isSignedBy(signature, archive, parsePublicKey(key.publicKey));
}

/**
 * spec 02, trust policy: right signature, other bytes. A message signature cannot be verified without the
 * bytes it was made over, so there the digest it carries decides; over a statement it was verified before.
 */
function refuseSubject({ signature }: SignedBytes, key: TrustedKey | undefined): MagError {
  if (key && signature.kind === 'message') {
    return refuse('E_SIG_INVALID', 'The signature bundle names another digest than the one that is signed');
  }
  return refuse('E_SIG_SUBJECT', 'The signature was made for other bytes than this package');
}

/** No key of the publisher made the signature: says as much as can be known about who did. */
function refuseStranger(
  signed: SignedBytes,
  publisher: string,
  trust: PublisherTrust,
  policy: TrustPolicy,
): MagError {
  const others = [...policy.publishers].filter(([name]) => name !== publisher);
  const other = others.find(([, { keys }]) => keys.some((key) => verifies(signed, key)));
  if (other) return refuse('E_SIG_IDENTITY', `The package of ${publisher} is signed by ${other[0]}`);
  if (!isTrusted(trust))
    return refuse('E_SIG_UNTRUSTED', `All trust in the publisher ${publisher} was removed`);
  const hint = signed.signature.keyHint ?? '';
  if (hint === '' || trust.keys.some((key) => isHintedBy(key, hint))) {
    return refuse('E_SIG_INVALID', `The signature does not verify with any key of ${publisher}`);
  }
  return refuse('E_SIG_IDENTITY', `The package is signed with a key that ${publisher} is not trusted with`);
}

function refuseCertificate(publisher: string, trust: PublisherTrust): MagError {
  if (!isTrusted(trust))
    return refuse('E_SIG_UNTRUSTED', `All trust in the publisher ${publisher} was removed`);
  return refuse(
    'E_SIG_IDENTITY',
    `The package is signed with a certificate; this host verifies ${publisher} by public key only`,
  );
}

function isTrusted(trust: PublisherTrust): boolean {
  return trust.identities.length > 0 || trust.keys.some(({ revokedAt }) => revokedAt === null);
}

function isHintedBy(trusted: TrustedKey, hint: string): boolean {
  const key = parsePublicKey(trusted.publicKey);
  return [trusted.id, keyHint(key), fingerprint(key), defaultKeyId(key)].includes(hint);
}

function refuse(code: Code, sentence: string): MagError {
  return new MagError(code, `${sentence}.`);
}
