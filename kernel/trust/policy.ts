import type { TrustMaterial } from '@sigstore/verify';
import { date, fileName, list, members, string, wrong } from './policy-json.ts';
import { parsePublicKey } from './public-key.ts';
import type { ActiveList } from './revocation-list.ts';

/** How far a publisher is trusted; sets defaults for cells, JIT and limits (spec 02). */
export type Tier = 'first-party' | 'verified' | 'community';
const TIERS: readonly Tier[] = ['first-party', 'verified', 'community'];

/** The content of `trust-policy.json`, checked. A publisher that is not in it is not trusted at all. */
export interface TrustPolicy {
  readonly publishers: ReadonlyMap<string, PublisherTrust>;
  /** Whose reviews count, by a name for people. */
  readonly reviewers: ReadonlyMap<string, Signers>;
  /** Whose revocation lists count, by the name that stands in them. */
  readonly revokers: ReadonlyMap<string, Revoker>;
  /** Not of the file: what the stored lists of the revokers take back. */
  readonly lists: readonly ActiveList[];
}

export interface PublisherTrust extends Signers {
  readonly tier: Tier;
  /** How many reviewers must have approved each of its packages, besides itself. */
  readonly reviews: number;
  /** What must be attested of how each of its packages was built. */
  readonly provenance: ProvenanceRule | null;
}

/** More reviewers than these nobody asks for by intent. */
export const MAX_REVIEWS = 16;

/** What SLSA provenance must say of the packages of a publisher. Matched exactly. */
export interface ProvenanceRule {
  /** `runDetails.builder.id`: of GitHub Actions the workflow, with its ref. */
  readonly builder: string;
  /** `externalParameters.workflow.repository`, as GitHub writes it, or else `externalParameters.source`. */
  readonly sourceRepository: string;
}

/** Who issues revocation lists that count here. */
export interface Revoker extends Signers {
  /** Whose packages and keys it may take back. `null`: everybody's. */
  readonly publishers: readonly string[] | null;
}

/** Who may sign for a publisher, as a reviewer, or a revocation list. */
export interface Signers {
  readonly keys: readonly TrustedKey[];
  /** Certificate identities. Matched exactly, never as expressions. */
  readonly identities: readonly CertificateIdentity[];
  /** The pinned Sigstore root that the certificates of the identities must lead to. */
  readonly trustedRoot: PinnedRoot | null;
}

export interface PinnedRoot {
  /** Its file, beside the policy. */
  readonly file: string;
  /** `null`: the file is not there, and nothing leads to it. */
  readonly material: TrustMaterial | null;
}

/** The roots beside the policy, by their files. */
export type PinnedRoots = ReadonlyMap<string, TrustMaterial>;

/** When a key or identity counts. */
export interface Validity {
  /** It is refused before this moment: it was announced ahead of its first use. */
  readonly notBefore: Date | null;
  /** It is refused from this moment on. */
  readonly notAfter: Date | null;
  /**
   * When an operator removed it. A removed one stays in the file: only so can its signatures be told from a
   * stranger's, and what it signed be called E_SIG_REVOKED instead of E_SIG_IDENTITY.
   */
  readonly revokedAt: Date | null;
}

export interface TrustedKey extends Validity {
  /** A name for people; by default the start of the fingerprint. */
  readonly id: string;
  /** SPKI, PEM, P-256. */
  readonly publicKey: string;
}

export interface CertificateIdentity extends Validity {
  readonly issuer: string;
  readonly san: string;
}

export const EMPTY_POLICY: TrustPolicy = {
  publishers: new Map(),
  reviewers: new Map(),
  revokers: new Map(),
  lists: [],
};

const SIGNERS = ['keys', 'identities', 'trustedRoot'] as const;
const VALIDITY = ['notBefore', 'notAfter', 'revokedAt'] as const;
const PUBLISHER = /^[a-z0-9][a-z0-9-]{1,38}$/;

/** Whether an id may begin with it. */
export function isPublisher(name: string): boolean {
  return PUBLISHER.test(name);
}

/**
 * The policy out of parsed JSON. Strict: a key that is misspelt must not be a key that is not there.
 * @throws `E_CONFIG` naming the place
 */
export function parseTrustPolicy(json: unknown, roots: PinnedRoots = new Map()): TrustPolicy {
  const root = members(json, 'the trust policy', ['publishers', 'reviewers', 'revocations']);
  return {
    publishers: byName(root.publishers, 'publishers', (entry, at) => parsePublisher(entry, at, roots)),
    reviewers: byName(root.reviewers, 'reviewers', (entry, at) =>
      parseSigners(members(entry, at, SIGNERS), at, roots),
    ),
    revokers: byName(root.revocations, 'revocations', (entry, at) => parseRevoker(entry, at, roots)),
    lists: [],
  };
}

function byName<T>(json: unknown, at: string, parse: (entry: unknown, at: string) => T): Map<string, T> {
  const entries = Object.entries(members(json ?? {}, at));
  return new Map(
    entries.map(([name, entry]) => {
      if (!isPublisher(name)) throw wrong(at, `has the name ${JSON.stringify(name)}`);
      return [name, parse(entry, `${at}/${name}`)];
    }),
  );
}

function parseRevoker(json: unknown, at: string, roots: PinnedRoots): Revoker {
  const entry = members(json, at, ['publishers', ...SIGNERS]);
  const publishers = list(entry.publishers, `${at}/publishers`).map((name, i) =>
    string(name, `${at}/publishers/${i}`),
  );
  const stranger = publishers.find((name) => !isPublisher(name));
  if (stranger !== undefined) throw wrong(`${at}/publishers`, `has the name ${JSON.stringify(stranger)}`);
  // An empty list is one that may take nothing back; only no list is no limit.
  return {
    ...parseSigners(entry, at, roots),
    publishers: entry.publishers === undefined ? null : publishers,
  };
}

function parsePublisher(json: unknown, at: string, roots: PinnedRoots): PublisherTrust {
  const entry = members(json, at, ['tier', 'reviews', 'provenance', ...SIGNERS]);
  const tier = TIERS.find((known) => known === entry.tier);
  if (!tier) throw wrong(`${at}/tier`, `must be one of ${TIERS.join(', ')}`);
  return {
    tier,
    ...parseSigners(entry, at, roots),
    reviews: parseReviews(entry.reviews, `${at}/reviews`),
    provenance: parseProvenanceRule(entry.provenance, `${at}/provenance`),
  };
}

function parseSigners(entry: Record<string, unknown>, at: string, roots: PinnedRoots): Signers {
  const keys = list(entry.keys, `${at}/keys`).map((key, i) => parseKey(key, `${at}/keys/${i}`));
  if (new Set(keys.map(({ id }) => id)).size < keys.length) throw wrong(`${at}/keys`, 'uses an id twice');
  return {
    keys,
    identities: list(entry.identities, `${at}/identities`).map((identity, i) =>
      parseIdentity(identity, `${at}/identities/${i}`),
    ),
    trustedRoot: parseRoot(entry.trustedRoot, `${at}/trustedRoot`, roots),
  };
}

function parseRoot(json: unknown, at: string, roots: PinnedRoots): PinnedRoot | null {
  if (json === undefined) return null;
  const file = fileName(json, at);
  return { file, material: roots.get(file) ?? null };
}

function parseKey(json: unknown, at: string): TrustedKey {
  const key = members(json, at, ['id', 'publicKey', ...VALIDITY]);
  const publicKey = string(key.publicKey, `${at}/publicKey`);
  try {
    parsePublicKey(publicKey);
  } catch (error) {
    throw wrong(`${at}/publicKey`, 'is not a P-256 public key in PEM', error);
  }
  return {
    id: string(key.id, `${at}/id`),
    publicKey,
    ...parseValidity(key, at),
  };
}

function parseIdentity(json: unknown, at: string): CertificateIdentity {
  const identity = members(json, at, ['issuer', 'san', ...VALIDITY]);
  return {
    issuer: string(identity.issuer, `${at}/issuer`),
    san: string(identity.san, `${at}/san`),
    ...parseValidity(identity, at),
  };
}

function parseValidity(entry: Record<string, unknown>, at: string): Validity {
  return {
    notBefore: date(entry.notBefore, `${at}/notBefore`),
    notAfter: date(entry.notAfter, `${at}/notAfter`),
    revokedAt: date(entry.revokedAt, `${at}/revokedAt`),
  };
}

function parseReviews(json: unknown, at: string): number {
  if (json === undefined) return 0;
  if (typeof json === 'number' && Number.isInteger(json) && json >= 0 && json <= MAX_REVIEWS) return json;
  throw wrong(at, `must be a number from 0 to ${MAX_REVIEWS}`);
}

function parseProvenanceRule(json: unknown, at: string): ProvenanceRule | null {
  if (json === undefined) return null;
  const rule = members(json, at, ['builder', 'sourceRepository']);
  return {
    builder: string(rule.builder, `${at}/builder`),
    sourceRepository: string(rule.sourceRepository, `${at}/sourceRepository`),
  };
}
