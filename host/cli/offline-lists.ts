import { codeOf } from '../../kernel/errors.ts';
import { acceptList, activeList, type SignedList } from '../../kernel/trust/accept-list.ts';
import type { TrustPolicy } from '../../kernel/trust/policy.ts';
import { readRevocationList } from '../../kernel/trust/revocation-list.ts';
import { objectIn, objectsIn, textIn } from './answer.ts';
import { pathOf } from './client.ts';
import type { Session } from './session.ts';
import { readSignedList } from './signed-list.ts';

/** A policy with the revocation lists that could be had, and which these are, in words. */
export interface WithLists {
  readonly policy: TrustPolicy;
  readonly lists: string;
}

/**
 * Adds the revocation lists of these files to a policy; without files those of the host that runs here. All are
 * verified against the policy, as that host does.
 * @throws `E_REVOCATION_LIST` for a file that a host would not take in
 */
export async function withLists(
  session: Session,
  policy: TrustPolicy,
  files: readonly string[] | undefined,
  mayAsk: boolean,
): Promise<WithLists> {
  const now = new Date();
  if (files !== undefined) {
    const { cwd } = session.terminal;
    const signed = await Promise.all(files.map((file) => readSignedList(cwd, file)));
    return summed({ ...policy, lists: signed.flatMap((list) => counted(list, policy, now, true)) });
  }
  if (policy.revokers.size === 0) return { policy, lists: 'none: no issuer of them is trusted' };
  const stored = mayAsk ? await ofHost(session, [...policy.revokers.keys()]) : null;
  if (stored === null)
    return { policy, lists: 'not looked at: no host was asked, and --revocations names none' };
  return summed({ ...policy, lists: stored.flatMap((list) => counted(list, policy, now, false)) });
}

function counted(signed: SignedList, policy: TrustPolicy, now: Date, isNew: boolean) {
  const list = isNew ? acceptList(signed, policy, now) : readRevocationList(signed.bytes);
  const revoker = policy.revokers.get(list.issuer);
  return revoker === undefined ? [] : [activeList(list, signed, revoker, now)];
}

function summed(policy: TrustPolicy): WithLists {
  const names = policy.lists.map(
    ({ list, trouble }) =>
      `list ${list.number} of ${list.issuer}, ${list.revoked.length} entries${trouble === null ? '' : ` (${trouble})`}`,
  );
  return { policy, lists: names.length === 0 ? 'none' : names.join('; ') };
}

/** `null`: no host answers here, or it does not tell us. */
async function ofHost(session: Session, issuers: readonly string[]): Promise<SignedList[] | null> {
  if (!session.isLocal()) return null; // another machine's host has another policy
  try {
    const known = objectsIn(objectIn(await session.client().get('/v1/revocations')).lists);
    const ours = known.map((row) => textIn(row, 'issuer')).filter((issuer) => issuers.includes(issuer));
    const answers = await Promise.all(
      ours.map((issuer) => session.client().get(pathOf('v1', 'revocations', issuer))),
    );
    return answers.map((one) => ({ bytes: Buffer.from(textIn(one, 'list')), bundle: textIn(one, 'bundle') }));
  } catch (failure) {
    if (codeOf(failure) === undefined) throw failure;
    return null;
  }
}
