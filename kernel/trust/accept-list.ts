import { createHash } from 'node:crypto';
import { codeOf, messageOf } from '../errors.ts';
import { MatchedSignature } from './match-signer.ts';
import type { Revoker, TrustPolicy } from './policy.ts';
import { type ActiveList, type RevocationList, readRevocationList, refuseList } from './revocation-list.ts';
import { parseSignature } from './signature.ts';
import { endOf } from './signers.ts';

/** A list as it was signed. */
export interface SignedList {
  readonly bytes: Uint8Array;
  /** JSON text of the Sigstore bundle. */
  readonly bundle: string | null;
}

/**
 * Verifies a list that is to be taken in. Whether it is newer than the one before is for whoever keeps that.
 * @throws `E_REVOCATION_LIST`
 */
export function acceptList({ bytes, bundle }: SignedList, policy: TrustPolicy, now: Date): RevocationList {
  const list = readRevocationList(bytes);
  const revoker = policy.revokers.get(list.issuer);
  if (revoker === undefined) throw refuseList(`The trust policy takes no revocation lists of ${list.issuer}`);
  const trouble = signatureTrouble({ bytes, bundle }, revoker, now);
  if (trouble !== null) throw refuseList(`The revocation list of ${list.issuer}: ${trouble}`);
  if (isOverdue(list, now))
    throw refuseList(
      `The revocation list of ${list.issuer} expired on ${list.nextUpdate}: there must be a newer one`,
    );
  return list;
}

/**
 * A stored list as it counts now. It goes on revoking whatever became of it since: what was taken back does not come
 * back because nobody renews the list, or because the key that signed it is not trusted any more.
 */
export function activeList(
  list: RevocationList,
  signed: SignedList,
  revoker: Revoker,
  now: Date,
): ActiveList {
  const overdue = isOverdue(list, now) ? `it was to be renewed by ${list.nextUpdate}` : null;
  const trouble = signatureTrouble(signed, revoker, now) ?? overdue;
  return { list, publishers: revoker.publishers, trouble };
}

function isOverdue({ nextUpdate }: RevocationList, now: Date): boolean {
  return Date.parse(nextUpdate) <= now.getTime();
}

/**
 * Why a list is not signed by its issuer as the policy has it now; `null`: it is.
 * @returns a sentence without a stop
 */
function signatureTrouble({ bytes, bundle }: SignedList, revoker: Revoker, now: Date): string | null {
  try {
    const signature = parseSignature(bundle);
    const { keyHint, kind, subjects } = signature;
    const root = revoker.trustedRoot;
    if (keyHint === null && root?.material === null) return `the trusted root ${root.file} is not there`;
    // A statement about the list would be a second form of the same, to be told from statements about packages.
    const isOfList =
      kind === 'message' && subjects.includes(createHash('sha256').update(bytes).digest('hex'));
    const match = isOfList ? new MatchedSignature(signature, bytes).signerAmong(revoker) : null;
    return match === null ? 'it is not signed by a key or identity of its issuer' : endOf(match, now);
  } catch (failure) {
    if (codeOf(failure) === undefined) throw failure;
    return messageOf(failure).replace(/\.$/, '');
  }
}
