import { MagError } from '../errors.ts';
import { isPublisher, type PublisherTrust, type Tier, type TrustedKey, type TrustPolicy } from './policy.ts';
import { defaultKeyId, fingerprint, parsePublicKey } from './public-key.ts';

export interface KeyToTrust {
  readonly publisher: string;
  /** PEM. */
  readonly publicKey: string;
  readonly tier: Tier;
  /** By default the start of the fingerprint. */
  readonly id?: string;
  readonly notAfter?: Date;
}

/**
 * The policy with one more key. A key that is there already, removed or not, is trusted (again) under the
 * same id, and the publisher gets the tier that is named now.
 * @throws `E_BAD_REQUEST` when the publisher or key is none, or the id belongs to another key
 */
export function addKey(policy: TrustPolicy, add: KeyToTrust): TrustPolicy {
  if (!isPublisher(add.publisher)) {
    throw new MagError('E_BAD_REQUEST', `${JSON.stringify(add.publisher)} is not the name of a publisher.`);
  }
  const mark = markOf(add.publicKey);
  const before = policy.publishers.get(add.publisher) ?? NOBODY;
  const known = before.keys.find((key) => fingerprint(parsePublicKey(key.publicKey)) === mark.fingerprint);
  const others = before.keys.filter((key) => key !== known);
  const id = add.id ?? known?.id ?? mark.id;
  if (others.some((key) => key.id === id)) {
    throw new MagError('E_BAD_REQUEST', `${add.publisher} has another key with the id ${id}.`);
  }
  const key: TrustedKey = { id, publicKey: add.publicKey, notAfter: add.notAfter ?? null, revokedAt: null };
  return withPublisher(policy, add.publisher, { ...before, tier: add.tier, keys: [...others, key] });
}

/**
 * The policy without a key of a publisher, or without a key id: without any trust in the publisher. Keys
 * stay as removed, see `TrustedKey.revokedAt`; a publisher that never had one vanishes.
 * @throws `E_NOT_FOUND`
 */
export function removePublisher(
  policy: TrustPolicy,
  publisher: string,
  now: Date,
  keyId?: string,
): TrustPolicy {
  const before = policy.publishers.get(publisher);
  if (!before) throw new MagError('E_NOT_FOUND', `The trust policy has no publisher ${publisher}.`);
  if (keyId !== undefined && !before.keys.some(({ id }) => id === keyId)) {
    throw new MagError('E_NOT_FOUND', `The publisher ${publisher} has no key ${keyId}.`);
  }
  const keys = before.keys.map((key) =>
    keyId === undefined || key.id === keyId ? { ...key, revokedAt: key.revokedAt ?? now } : key,
  );
  if (keyId !== undefined) return withPublisher(policy, publisher, { ...before, keys });
  if (keys.length === 0) return withPublisher(policy, publisher, null);
  return withPublisher(policy, publisher, { ...before, keys, identities: [] });
}

const NOBODY: PublisherTrust = { tier: 'community', keys: [], identities: [], trustedRoot: null };

function withPublisher(policy: TrustPolicy, name: string, entry: PublisherTrust | null): TrustPolicy {
  const publishers = new Map(policy.publishers);
  if (entry) publishers.set(name, entry);
  else publishers.delete(name);
  return { publishers };
}

function markOf(pem: string): { id: string; fingerprint: string } {
  try {
    const key = parsePublicKey(pem);
    return { id: defaultKeyId(key), fingerprint: fingerprint(key) };
  } catch (error) {
    throw new MagError('E_BAD_REQUEST', 'The key is not a P-256 public key in PEM.', { cause: error });
  }
}
