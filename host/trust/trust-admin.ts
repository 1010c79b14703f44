import { MagError } from '../../kernel/errors.ts';
import type { PinnedRoot, PublisherTrust, Signers, TrustPolicy } from '../../kernel/trust/policy.ts';
import {
  named,
  type OfPublisher,
  type OfReviewer,
  type OfRevoker,
  publisherIn,
  type Requirements,
  removePublisher,
  removeReviewer,
  removeRevoker,
  setRequirements,
  trustPublisher,
  trustReviewer,
  trustRevoker,
} from './policy-edit.ts';
import { editTrustPolicy, pin, readTrustPolicy } from './policy-file.ts';
import type { NewIdentity, NewKey, NewSigner } from './signers-edit.ts';

/** A key or identity as somebody names it, with the root that the certificates of an identity must lead to. */
export type GivenSigner =
  | NewKey
  | (Omit<NewIdentity, 'root'> & {
      /** A parsed Sigstore `trusted_root.json`. Absent: the one that whose identity it is is pinned to already. */
      readonly trustedRoot?: unknown;
    });

/** The trust policy as an owner edits it. Every change is durable and in force when it resolves. */
export interface TrustAdmin {
  policy(): Promise<TrustPolicy>;
  /** What the publisher is trusted with now. @throws `E_BAD_REQUEST` when the publisher, key or root is none */
  trustPublisher(signer: OfPublisher & GivenSigner): Promise<PublisherTrust>;
  /** One key or identity; without a name all trust in the publisher. @throws `E_NOT_FOUND` */
  removePublisher(publisher: string, signer?: string): Promise<void>;
  /** What the packages of a publisher need beside their signature. @throws `E_NOT_FOUND`, `E_BAD_REQUEST` */
  require(set: Requirements): Promise<void>;
  /** @throws `E_BAD_REQUEST` when the name, key or root is none, or the key is another reviewer's */
  trustReviewer(signer: OfReviewer & GivenSigner): Promise<void>;
  /** One key or identity; without a name all of the reviewer. @throws `E_NOT_FOUND` */
  removeReviewer(reviewer: string, signer?: string): Promise<void>;
  /** Whose revocation lists count. @throws `E_BAD_REQUEST` when the name, key or root is none */
  trustRevoker(signer: OfRevoker & GivenSigner): Promise<void>;
  /** One key or identity; without a name the issuer: its list counts no longer. @throws `E_NOT_FOUND` */
  removeRevoker(revoker: string, signer?: string): Promise<void>;
}

/** The trust policy in a data folder. Each may also throw `E_CONFIG`: the file is wrong, or cannot be written. */
export function createTrustAdmin(dataDir: string): TrustAdmin {
  const edit = async (change: (policy: TrustPolicy) => TrustPolicy) =>
    void (await editTrustPolicy(dataDir, change));
  return {
    policy: () => readTrustPolicy(dataDir),
    trustPublisher: async ({ publisher, tier, ...given }) => {
      const file = `${named(publisher)}-trusted-root.json`;
      const signer = await withRoot(given, dataDir, file, ({ publishers }) => publishers.get(publisher));
      const after = await editTrustPolicy(dataDir, (policy) =>
        trustPublisher(policy, { publisher, tier, ...signer }),
      );
      return publisherIn(after, publisher);
    },
    removePublisher: (publisher, signer) =>
      edit((policy) => removePublisher(policy, publisher, new Date(), signer)),
    require: (set) => edit((policy) => setRequirements(policy, set)),
    trustReviewer: async ({ reviewer, ...given }) => {
      const file = `${named(reviewer)}.reviewer-trusted-root.json`;
      const signer = await withRoot(given, dataDir, file, ({ reviewers }) => reviewers.get(reviewer));
      await edit((policy) => trustReviewer(policy, { reviewer, ...signer }));
    },
    removeReviewer: (reviewer, signer) =>
      edit((policy) => removeReviewer(policy, reviewer, new Date(), signer)),
    trustRevoker: async ({ revoker, publishers, ...given }) => {
      const file = `${named(revoker)}.revoker-trusted-root.json`;
      const signer = await withRoot(given, dataDir, file, ({ revokers }) => revokers.get(revoker));
      const scope = publishers === undefined ? {} : { publishers };
      await edit((policy) => trustRevoker(policy, { revoker, ...scope, ...signer }));
    },
    removeRevoker: (revoker, signer) => edit((policy) => removeRevoker(policy, revoker, new Date(), signer)),
  };
}

/** The root of an identity is kept beside the policy: a name with a dot in it is of no publisher. */
async function withRoot(
  given: GivenSigner,
  dataDir: string,
  file: string,
  whose: (policy: TrustPolicy) => Signers | undefined,
): Promise<NewSigner> {
  if ('publicKey' in given) return given;
  const { trustedRoot, ...identity } = given;
  const known = (): Promise<PinnedRoot | null> =>
    readTrustPolicy(dataDir).then((policy) => whose(policy)?.trustedRoot ?? null);
  const root = trustedRoot === undefined ? await known() : await pin(dataDir, file, trustedRoot);
  if (root === null)
    throw new MagError('E_BAD_REQUEST', 'There is no trusted root for this identity yet: give one.');
  return { ...identity, root };
}
