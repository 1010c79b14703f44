import { MagError } from '../../kernel/errors.ts';
import {
  isPublisher,
  MAX_REVIEWS,
  type ProvenanceRule,
  type PublisherTrust,
  type Revoker,
  type Signers,
  type Tier,
  type TrustPolicy,
} from '../../kernel/trust/policy.ts';
import { isSameParty } from '../../kernel/trust/signers.ts';
import { type NewSigner, NO_SIGNERS, withoutSigner, withSigner } from './signers-edit.ts';

export interface OfPublisher {
  readonly publisher: string;
  /** Absent: as before; of a new one, `community`. */
  readonly tier?: Tier | undefined;
}

/**
 * The policy with one more key or identity of a publisher, who is new or known and gets the tier that is named now, if
 * one is: who adds the next key need not remember what the publisher is.
 * @throws `E_BAD_REQUEST` when the name or key is none, or the id belongs to another key
 */
export function trustPublisher(
  policy: TrustPolicy,
  { publisher, tier, ...signer }: OfPublisher & NewSigner,
): TrustPolicy {
  const before = policy.publishers.get(named(publisher)) ?? NEW_PUBLISHER;
  const after = { ...withSigner(before, signer, publisher), tier: tier ?? before.tier };
  return { ...policy, publishers: put(policy.publishers, publisher, after) };
}

const NEW_PUBLISHER: PublisherTrust = { ...NO_SIGNERS, tier: 'community', reviews: 0, provenance: null };

/**
 * The policy without a key or identity of a publisher, or without a name: without any trust in the publisher. Keys
 * and identities stay as removed, see `TrustedKey.revokedAt`; a publisher that never had any vanishes.
 * @throws `E_NOT_FOUND`
 */
export function removePublisher(
  policy: TrustPolicy,
  publisher: string,
  now: Date,
  signer?: string,
): TrustPolicy {
  const before = publisherIn(policy, publisher);
  const after = withoutSigner(before, `The publisher ${publisher}`, now, signer);
  return { ...policy, publishers: put(policy.publishers, publisher, after) };
}

export interface Requirements {
  readonly publisher: string;
  /** Absent: stays as it is. 0: none are needed. */
  readonly reviews?: number;
  /** Absent: stays as it is. `null`: none is needed. */
  readonly provenance?: ProvenanceRule | null;
}

/**
 * The policy with what it asks of the packages of a publisher, beyond its signature.
 * @throws `E_NOT_FOUND` when the publisher is not in it; `E_BAD_REQUEST`
 */
export function setRequirements(policy: TrustPolicy, set: Requirements): TrustPolicy {
  const before = publisherIn(policy, set.publisher);
  const { reviews = before.reviews, provenance = before.provenance } = set;
  if (!Number.isInteger(reviews) || reviews < 0 || reviews > MAX_REVIEWS)
    throw new MagError('E_BAD_REQUEST', `Reviews are a number from 0 to ${MAX_REVIEWS}.`);
  if (provenance?.builder === '' || provenance?.sourceRepository === '')
    throw new MagError('E_BAD_REQUEST', 'A provenance has a builder and a source repository.');
  return { ...policy, publishers: put(policy.publishers, set.publisher, { ...before, reviews, provenance }) };
}

/** @throws `E_NOT_FOUND` */
export function publisherIn(policy: TrustPolicy, name: string): PublisherTrust {
  const found = policy.publishers.get(name);
  if (found) return found;
  throw new MagError('E_NOT_FOUND', `The trust policy has no publisher ${name}.`);
}

export interface OfReviewer {
  readonly reviewer: string;
}

/**
 * The policy with one more key or identity of a reviewer, who is new or known. The same once more changes nothing.
 * @throws `E_BAD_REQUEST` when the name or key is none, or another reviewer has the key: one person is one reviewer
 */
export function trustReviewer(
  policy: TrustPolicy,
  { reviewer, ...signer }: OfReviewer & NewSigner,
): TrustPolicy {
  const after = withSigner(policy.reviewers.get(named(reviewer)) ?? NO_SIGNERS, signer, reviewer);
  const added = { ...NO_SIGNERS, ...lastOf(after, 'publicKey' in signer ? 'keys' : 'identities') };
  for (const [name, other] of policy.reviewers)
    if (name !== reviewer && isSameParty(inForce(other), added))
      throw new MagError('E_BAD_REQUEST', `The reviewer ${name} signs with this already.`);
  return { ...policy, reviewers: put(policy.reviewers, reviewer, after) };
}

function lastOf(signers: Signers, kind: 'keys' | 'identities'): Partial<Signers> {
  return { [kind]: signers[kind].slice(-1) };
}

/** A key that was removed from one may go to another: a name may have been misspelt. */
function inForce({ keys, identities }: Signers): Signers {
  const isIn = ({ revokedAt }: { revokedAt: Date | null }) => revokedAt === null;
  return { ...NO_SIGNERS, keys: keys.filter(isIn), identities: identities.filter(isIn) };
}

/** The policy without a reviewer, or without one of its keys or identities. @throws `E_NOT_FOUND` */
export function removeReviewer(
  policy: TrustPolicy,
  reviewer: string,
  now: Date,
  signer?: string,
): TrustPolicy {
  const before = policy.reviewers.get(reviewer);
  if (!before) throw new MagError('E_NOT_FOUND', `The trust policy has no reviewer ${reviewer}.`);
  const after = withoutSigner(before, `The reviewer ${reviewer}`, now, signer);
  return { ...policy, reviewers: put(policy.reviewers, reviewer, after) };
}

export interface OfRevoker {
  readonly revoker: string;
  /** Whose packages it may take back. `null`: everybody's. Absent: as before; of a new one, everybody's. */
  readonly publishers?: readonly string[] | null;
}

/**
 * The policy with one more key or identity whose revocation lists count. The same once more changes nothing.
 * @throws `E_BAD_REQUEST` when a name or the key is none
 */
export function trustRevoker(
  policy: TrustPolicy,
  { revoker, publishers, ...signer }: OfRevoker & NewSigner,
): TrustPolicy {
  for (const publisher of publishers ?? []) named(publisher);
  const before: Revoker = policy.revokers.get(named(revoker)) ?? { ...NO_SIGNERS, publishers: null };
  const scoped = publishers === undefined ? before : { ...before, publishers };
  return { ...policy, revokers: put(policy.revokers, revoker, withSigner(scoped, signer, revoker)) };
}

/**
 * The policy without one key or identity of an issuer of lists, which then signs no new ones; without a name, without
 * the issuer: what it took back counts no longer.
 * @throws `E_NOT_FOUND`
 */
export function removeRevoker(policy: TrustPolicy, revoker: string, now: Date, signer?: string): TrustPolicy {
  const before = policy.revokers.get(revoker);
  if (!before) throw new MagError('E_NOT_FOUND', `The trust policy takes no revocation lists of ${revoker}.`);
  const after = signer === undefined ? null : withoutSigner(before, `The issuer ${revoker}`, now, signer);
  return { ...policy, revokers: put(policy.revokers, revoker, after) };
}

/** The name itself, of a publisher, a reviewer or an issuer of lists. @throws `E_BAD_REQUEST` when it cannot be one */
export function named(name: string): string {
  if (isPublisher(name)) return name;
  throw new MagError('E_BAD_REQUEST', `${JSON.stringify(name)} is not a name, such as acme.`);
}

function put<Entry>(
  entries: ReadonlyMap<string, Entry>,
  name: string,
  entry: Entry | null,
): ReadonlyMap<string, Entry> {
  const after = new Map(entries);
  if (entry === null) after.delete(name);
  else after.set(name, entry);
  return after;
}
