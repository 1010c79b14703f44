import { MagError } from '../../kernel/errors.ts';
import type { PinnedRoot, Signers, TrustedKey } from '../../kernel/trust/policy.ts';
import { defaultKeyId, fingerprint, parsePublicKey } from '../../kernel/trust/public-key.ts';

/** When a key or identity may sign. Absent: from ever, for ever. */
export interface Validity {
  readonly notBefore?: Date;
  readonly notAfter?: Date;
}

export interface NewKey extends Validity {
  /** PEM. */
  readonly publicKey: string;
  /** By default the start of the fingerprint. */
  readonly id?: string;
}

export interface NewIdentity extends Validity {
  readonly issuer: string;
  readonly san: string;
  readonly root: PinnedRoot;
}

export type NewSigner = NewKey | NewIdentity;

export const NO_SIGNERS: Signers = { keys: [], identities: [], trustedRoot: null };

/**
 * With one more key or identity, last. One that is there already, removed or not, is trusted (again); a key under
 * the id it has. There is one root for all identities.
 * @param whose for the refusal
 * @throws `E_BAD_REQUEST` when the key is none, the id belongs to another key, or it is never good
 */
export function withSigner<Who extends Signers>(before: Who, add: NewSigner, whose: string): Who {
  const { notBefore, notAfter } = add;
  if (notBefore && notAfter && notBefore >= notAfter)
    throw new MagError(
      'E_BAD_REQUEST',
      `${whose} would be trusted with it at no time: it ends before it begins.`,
    );
  return 'publicKey' in add ? withKey(before, add, whose) : withIdentity(before, add);
}

function withKey<Who extends Signers>(before: Who, add: NewKey, whose: string): Who {
  const mark = markOf(add.publicKey);
  const known = before.keys.find((key) => fingerprint(parsePublicKey(key.publicKey)) === mark.fingerprint);
  const others = before.keys.filter((key) => key !== known);
  const id = add.id ?? known?.id ?? mark.id;
  if (others.some((key) => key.id === id)) {
    throw new MagError('E_BAD_REQUEST', `${whose} has another key with the id ${id}.`);
  }
  const { publicKey, notBefore = null, notAfter = null } = add;
  const key: TrustedKey = { id, publicKey, notBefore, notAfter, revokedAt: null };
  return { ...before, keys: [...others, key] };
}

function withIdentity<Who extends Signers>(before: Who, add: NewIdentity): Who {
  const others = before.identities.filter(({ issuer, san }) => issuer !== add.issuer || san !== add.san);
  const { issuer, san, notBefore = null, notAfter = null, root } = add;
  const identities = [...others, { issuer, san, notBefore, notAfter, revokedAt: null }];
  return { ...before, identities, trustedRoot: root };
}

/**
 * Without a key or identity, or without a name: without any. They stay as removed, see `TrustedKey.revokedAt`.
 * @param whose for the refusal
 * @returns `null` when there never was any
 * @throws `E_NOT_FOUND`
 */
export function withoutSigner<Who extends Signers>(
  before: Who,
  whose: string,
  now: Date,
  named?: string,
): Who | null {
  const names = [...before.keys.map(({ id }) => id), ...before.identities.map(({ san }) => san)];
  if (named !== undefined && !names.includes(named)) {
    throw new MagError('E_NOT_FOUND', `${whose} has no key or identity ${named}.`);
  }
  if (names.length === 0) return null;
  const removed = <Entry extends { revokedAt: Date | null }>(entry: Entry, name: string): Entry =>
    named === undefined || name === named ? { ...entry, revokedAt: entry.revokedAt ?? now } : entry;
  return {
    ...before,
    keys: before.keys.map((key) => removed(key, key.id)),
    identities: before.identities.map((identity) => removed(identity, identity.san)),
  };
}

function markOf(pem: string): { id: string; fingerprint: string } {
  try {
    const key = parsePublicKey(pem);
    return { id: defaultKeyId(key), fingerprint: fingerprint(key) };
  } catch (error) {
    throw new MagError('E_BAD_REQUEST', 'The key is not a P-256 public key in PEM.', { cause: error });
  }
}
