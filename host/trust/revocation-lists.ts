import { createHash } from 'node:crypto';
import { acceptList, activeList, type SignedList } from '../../kernel/trust/accept-list.ts';
import type { TrustPolicy } from '../../kernel/trust/policy.ts';
import {
  type ActiveList,
  type RevocationList,
  readRevocationList,
  refuseList,
} from '../../kernel/trust/revocation-list.ts';
import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import type { RevocationStore, StoredList } from '../storage/revocation-store.ts';

/** What became of a list that was handed in. */
export interface Imported {
  readonly list: RevocationList;
  /** `sha256:<hex>` of its bytes. */
  readonly digest: string;
  /** It was there already. */
  readonly again: boolean;
  /** What was quarantined because of it. */
  readonly stopped: readonly ExtensionId[];
}

/** A list as it is stored, and what it counts for; `active` is null while the policy takes no lists of its issuer. */
export interface KnownList {
  readonly stored: StoredList;
  readonly list: RevocationList;
  readonly active: ActiveList | null;
}

/** The revocation lists of the hosts on a database, under the trust policy of this one. */
export interface RevocationLists {
  /** The policy with the lists that count now. @throws `E_REVOCATION_LIST` when a stored one cannot be read */
  complete(policy: TrustPolicy): Promise<TrustPolicy>;
  known(): Promise<KnownList[]>;
  /** Verifies a list, keeps it and stops what it takes back. @throws `E_REVOCATION_LIST` */
  take(signed: SignedList): Promise<Imported>;
}

export interface RevocationListsOptions {
  readonly store: RevocationStore;
  /** The trust policy in the data folder. */
  readonly policy: () => Promise<TrustPolicy>;
  /** Stops what a list takes back. */
  readonly stopRevoked: () => Promise<ExtensionId[]>;
}

export function createRevocationLists({
  store,
  policy,
  stopRevoked,
}: RevocationListsOptions): RevocationLists {
  const read = new ReadLists();
  const known = async (trust: TrustPolicy): Promise<KnownList[]> => {
    const now = new Date();
    return (await store.list()).flatMap((stored) => {
      const revoker = trust.revokers.get(stored.issuer);
      // Where no list of the issuer counts, one that is damaged does no harm.
      if (revoker === undefined) return read.orNothing(stored);
      const list = read.list(stored);
      return [{ stored, list, active: activeList(list, stored, revoker, now) }];
    });
  };
  return {
    async complete(trust) {
      if (trust.revokers.size === 0) return trust;
      const lists = (await known(trust)).flatMap(({ active }) => (active === null ? [] : [active]));
      return { ...trust, lists };
    },

    known: async () => known(await policy()),

    async take({ bytes, bundle }) {
      const list = acceptList({ bytes, bundle }, await policy(), new Date());
      const { issuer, number } = list;
      const again = await store.put({ issuer, number, bytes, bundle: bundle ?? '' });
      return { list, digest: `sha256:${sha256(bytes)}`, again, stopped: await stopRevoked() };
    },
  };
}

/** Stored lists, parsed once: they are looked at with every package. */
class ReadLists {
  readonly #read = new Map<string, { readonly digest: string; readonly list: RevocationList }>();

  /** @throws `E_REVOCATION_LIST`: what it took back is not known, so nothing can be said not to be */
  list({ issuer, number, bytes }: StoredList): RevocationList {
    const digest = sha256(bytes);
    const known = this.#read.get(issuer);
    if (known?.digest === digest) return known.list;
    const list = readRevocationList(bytes);
    if (list.issuer !== issuer || list.number !== number)
      throw refuseList(`The stored list of ${issuer} is damaged: take in a newer one`);
    this.#read.set(issuer, { digest, list });
    return list;
  }

  orNothing(stored: StoredList): KnownList[] {
    try {
      return [{ stored, list: this.list(stored), active: null }];
    } catch {
      return [];
    }
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
