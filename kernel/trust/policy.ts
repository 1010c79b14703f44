import { MagError } from '../errors.ts';
import { parsePublicKey } from './public-key.ts';

/** How far a publisher is trusted; sets defaults for cells, JIT and limits (spec 02). */
export type Tier = 'first-party' | 'verified' | 'community';
const TIERS: readonly Tier[] = ['first-party', 'verified', 'community'];

/** The content of `trust-policy.json`, checked. A publisher that is not in it is not trusted at all. */
export interface TrustPolicy {
  readonly publishers: ReadonlyMap<string, PublisherTrust>;
}

export interface PublisherTrust {
  readonly tier: Tier;
  readonly keys: readonly TrustedKey[];
  /** Certificate identities. Matched exactly, never as expressions. */
  readonly identities: readonly CertificateIdentity[];
  /** File name of the pinned Sigstore root, beside the policy. */
  readonly trustedRoot: string | null;
}

export interface TrustedKey {
  /** A name for people; by default the start of the fingerprint. */
  readonly id: string;
  /** SPKI, PEM, P-256. */
  readonly publicKey: string;
  /** The key is refused from this moment on. */
  readonly notAfter: Date | null;
  /**
   * When an operator removed the key. A removed key stays in the file: only so can its signatures be told
   * from a stranger's, and what it signed be called E_SIG_REVOKED instead of E_SIG_IDENTITY.
   */
  readonly revokedAt: Date | null;
}

interface CertificateIdentity {
  readonly issuer: string;
  readonly san: string;
}

export const EMPTY_POLICY: TrustPolicy = { publishers: new Map() };

const PUBLISHER = /^[a-z0-9][a-z0-9-]{1,38}$/;

/** Whether an id may begin with it. */
export function isPublisher(name: string): boolean {
  return PUBLISHER.test(name);
}

/**
 * The policy out of parsed JSON. Strict: a key that is misspelt must not be a key that is not there.
 * @throws `E_CONFIG` naming the place
 */
export function parseTrustPolicy(json: unknown): TrustPolicy {
  const root = members(json, 'the trust policy', ['publishers']);
  const publishers = new Map<string, PublisherTrust>();
  for (const [name, entry] of Object.entries(members(root.publishers ?? {}, 'publishers'))) {
    if (!isPublisher(name)) throw wrong('publishers', `has the name ${JSON.stringify(name)}`);
    publishers.set(name, parsePublisher(entry, `publishers/${name}`));
  }
  return { publishers };
}

function parsePublisher(json: unknown, at: string): PublisherTrust {
  const entry = members(json, at, ['tier', 'keys', 'identities', 'trustedRoot']);
  const tier = TIERS.find((known) => known === entry.tier);
  if (!tier) throw wrong(`${at}/tier`, `must be one of ${TIERS.join(', ')}`);
  const keys = list(entry.keys, `${at}/keys`).map((key, i) => parseKey(key, `${at}/keys/${i}`));
  if (new Set(keys.map(({ id }) => id)).size < keys.length) throw wrong(`${at}/keys`, 'uses an id twice');
  return {
    tier,
    keys,
    identities: list(entry.identities, `${at}/identities`).map((identity, i) =>
      parseIdentity(identity, `${at}/identities/${i}`),
    ),
    trustedRoot: entry.trustedRoot === undefined ? null : fileName(entry.trustedRoot, `${at}/trustedRoot`),
  };
}

function parseKey(json: unknown, at: string): TrustedKey {
  const key = members(json, at, ['id', 'publicKey', 'notAfter', 'revokedAt']);
  const publicKey = string(key.publicKey, `${at}/publicKey`);
  try {
    parsePublicKey(publicKey);
  } catch (error) {
    throw wrong(`${at}/publicKey`, 'is not a P-256 public key in PEM', error);
  }
  return {
    id: string(key.id, `${at}/id`),
    publicKey,
    notAfter: date(key.notAfter, `${at}/notAfter`),
    revokedAt: date(key.revokedAt, `${at}/revokedAt`),
  };
}

function parseIdentity(json: unknown, at: string): CertificateIdentity {
  const identity = members(json, at, ['issuer', 'san']);
  return { issuer: string(identity.issuer, `${at}/issuer`), san: string(identity.san, `${at}/san`) };
}

/** The members of an object; with `allowed`, only those. */
function members(json: unknown, at: string, allowed?: readonly string[]): Record<string, unknown> {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw wrong(at, 'must be an object');
  const unknown = Object.keys(json).find((key) => allowed && !allowed.includes(key));
  if (unknown !== undefined) throw wrong(at, `has the unknown member ${JSON.stringify(unknown)}`);
  return Object.assign(Object.create(null), json);
}

function list(json: unknown, at: string): unknown[] {
  if (json === undefined) return [];
  if (!Array.isArray(json)) throw wrong(at, 'must be a list');
  return json;
}

function string(json: unknown, at: string): string {
  if (typeof json !== 'string' || json === '') throw wrong(at, 'must be a text');
  return json;
}

function date(json: unknown, at: string): Date | null {
  if (json === undefined) return null;
  const value = new Date(string(json, at));
  if (Number.isNaN(value.getTime())) throw wrong(at, 'must be a time such as 2027-12-31T00:00:00Z');
  return value;
}

function fileName(json: unknown, at: string): string {
  const name = string(json, at);
  if (!/^[A-Za-z0-9_][A-Za-z0-9_.-]*$/.test(name))
    throw wrong(at, 'must be the name of a file beside the policy');
  return name;
}

function wrong(at: string, problem: string, cause?: unknown): MagError {
  return new MagError('E_CONFIG', `trust-policy.json: ${at} ${problem}.`, { cause });
}
