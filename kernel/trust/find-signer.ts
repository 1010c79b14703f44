import type { TrustMaterial } from '@sigstore/verify';
import type { Code } from '../../manifests/catalog/index.ts';
import { MagError } from '../errors.ts';
import { certifiedSigner } from './certificate.ts';
import type { PublisherTrust, TrustedKey, TrustPolicy } from './policy.ts';
import { defaultKeyId, fingerprint, keyHint, parsePublicKey } from './public-key.ts';
import { keyAmong, type Signature } from './signature.ts';
import { markOf, requireInForce, type SignerMark } from './signers.ts';

interface SignedBytes {
  readonly signature: Signature;
  readonly archive: Uint8Array;
  /** SHA-256 of `archive`, hex. */
  readonly digest: string;
}

interface FoundSigner {
  readonly tier: PublisherTrust['tier'];
  /** The id of the key, or the identity. */
  readonly signedBy: string;
  readonly mark: SignerMark;
}

/**
 * Who of the publisher's keys or identities signed these bytes. Every key is tried: the hint in the bundle never decides
 * what is accepted, only what a refusal is called.
 * @throws `E_SIG_UNTRUSTED`, `E_SIG_SUBJECT`, `E_SIG_IDENTITY`, `E_SIG_REVOKED`, `E_SIG_INVALID`
 */
export function findSigner(
  signed: SignedBytes,
  publisher: string,
  policy: TrustPolicy,
  now: Date,
): FoundSigner {
  const trust = policy.publishers.get(publisher);
  // spec 02, trust policy: no entry for the publisher; there is no accept-all.
  if (!trust) throw refuse('E_SIG_UNTRUSTED', `The publisher ${publisher} is not in the trust policy`);
  if (signed.signature.keyHint === null) return findIdentity(signed, publisher, trust, now);
  const key = keyAmong(signed.signature, signed.archive, trust.keys);
  const covers = signed.signature.subjects.includes(signed.digest);
  if (!covers && (key || signed.signature.kind === 'message')) throw refuseSubject(signed, key);
  if (!key) throw refuseStranger(signed, publisher, trust, policy);
  requireInForce(key, `The key ${key.id} of ${publisher}`, now);
  return { tier: trust.tier, signedBy: key.id, mark: markOf(key) };
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
  const other = others.find(
    ([, theirs]) => keyAmong(signed.signature, signed.archive, theirs.keys) !== undefined,
  );
  if (other) return refuse('E_SIG_IDENTITY', `The package of ${publisher} is signed by ${other[0]}`);
  if (!isTrusted(trust)) return refuseUntrusted(publisher);
  const hint = signed.signature.keyHint ?? '';
  if (hint === '' || trust.keys.some((key) => isHintedBy(key, hint))) {
    return refuse('E_SIG_INVALID', `The signature does not verify with any key of ${publisher}`);
  }
  return refuse('E_SIG_IDENTITY', `The package is signed with a key that ${publisher} is not trusted with`);
}

/** Which of the publisher's identities signed these bytes, with a certificate of a few minutes (keyless). */
function findIdentity(signed: SignedBytes, publisher: string, trust: PublisherTrust, now: Date): FoundSigner {
  const root = rootOf(publisher, trust);
  const covers = signed.signature.subjects.includes(signed.digest);
  if (!covers && signed.signature.kind === 'message') throw refuseSubject(signed, undefined);
  const { issuer, san } = certifiedSigner(signed.signature, signed.archive, root);
  if (!covers) throw refuseSubject(signed, undefined);
  const identity = trust.identities.find((known) => known.issuer === issuer && known.san === san);
  if (identity === undefined && !isTrusted(trust)) throw refuseUntrusted(publisher);
  if (identity === undefined) {
    const who = `${san} (issuer ${issuer})`;
    throw refuse('E_SIG_IDENTITY', `The package is signed by ${who}, whom ${publisher} is not trusted with`);
  }
  requireInForce(identity, `The identity ${san} of ${publisher}`, now);
  return { tier: trust.tier, signedBy: san, mark: markOf(identity) };
}

function rootOf(publisher: string, trust: PublisherTrust): TrustMaterial {
  const { identities, trustedRoot } = trust;
  if (identities.length === 0 || trustedRoot === null) {
    if (!isTrusted(trust)) throw refuseUntrusted(publisher);
    const how = `this host verifies ${publisher} by public key only`;
    throw refuse('E_SIG_IDENTITY', `The package is signed with a certificate; ${how}`);
  }
  if (trustedRoot.material !== null) return trustedRoot.material;
  throw new MagError('E_CONFIG', `The trusted root of ${publisher}, ${trustedRoot.file}, is not there.`);
}

function isTrusted({ identities, keys }: PublisherTrust): boolean {
  return [...identities, ...keys].some(({ revokedAt }) => revokedAt === null);
}

function refuseUntrusted(publisher: string): MagError {
  return refuse('E_SIG_UNTRUSTED', `All trust in the publisher ${publisher} was removed`);
}

function isHintedBy(trusted: TrustedKey, hint: string): boolean {
  const key = parsePublicKey(trusted.publicKey);
  return [trusted.id, keyHint(key), fingerprint(key), defaultKeyId(key)].includes(hint);
}

function refuse(code: Code, sentence: string): MagError {
  return new MagError(code, `${sentence}.`);
}
