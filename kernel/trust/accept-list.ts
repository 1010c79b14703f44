import { signatureTrouble } from './list-signature.ts';
import type { Revoker, TrustPolicy } from './policy.ts';
import { type ActiveList, type RevocationList, readRevocationList, refuseList } from './revocation-list.ts';

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
  const trouble = signatureTrouble(bytes, bundle, revoker, now);
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
  const trouble = signatureTrouble(signed.bytes, signed.bundle, revoker, now) ?? overdue;
  return { list, publishers: revoker.publishers, trouble };
}

function isOverdue({ nextUpdate }: RevocationList, now: Date): boolean {
  return Date.parse(nextUpdate) <= now.getTime();
}
