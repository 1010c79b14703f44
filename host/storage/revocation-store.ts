import { refuseList } from '../../kernel/trust/revocation-list.ts';
import type { Database, Querier } from './database.ts';

/** A revocation list as it was taken in. */
export interface StoredList {
  readonly issuer: string;
  readonly number: number;
  readonly bytes: Uint8Array;
  readonly bundle: string;
  readonly importedAt: Date;
}

export interface RevocationStore {
  /** By issuer. */
  list(): Promise<StoredList[]>;
  /**
   * Keeps a list that was verified, in the place of the one before.
   * @returns whether it was there already
   * @throws `E_REVOCATION_LIST` when the one before is newer, or another one of the same number
   */
  put(list: Omit<StoredList, 'importedAt'>): Promise<boolean>;
}

export function createRevocationStore(database: Database): RevocationStore {
  return {
    list() {
      return database.query<StoredList>(
        `SELECT issuer, number, list AS bytes, bundle, imported_at AS "importedAt"
         FROM mag.revocation_lists ORDER BY issuer`,
      );
    },

    put(list) {
      return database.transaction((transaction) => replace(transaction, list));
    },
  };
}

async function replace(
  transaction: Querier,
  { issuer, number, bytes, bundle }: Omit<StoredList, 'importedAt'>,
): Promise<boolean> {
  const content = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const stored = await transaction.query(
    `INSERT INTO mag.revocation_lists AS before (issuer, number, list, bundle) VALUES ($1, $2, $3, $4)
     ON CONFLICT (issuer) DO UPDATE SET number = $2, list = $3, bundle = $4, imported_at = now()
       WHERE before.number < $2 RETURNING 1`,
    [issuer, number, content, bundle],
  );
  if (stored.length > 0) return false;
  // The same once more may be signed anew, by a key that is still trusted.
  const same = await transaction.query<{ number: number; isSame: boolean }>(
    `UPDATE mag.revocation_lists SET bundle = CASE WHEN number = $2 AND list = $3 THEN $4 ELSE bundle END
     WHERE issuer = $1 RETURNING number, number = $2 AND list = $3 AS "isSame"`,
    [issuer, number, content, bundle],
  );
  const [before] = same;
  if (before?.isSame === true) return true;
  if (before?.number === number)
    throw refuseList(`There is another list ${number} of ${issuer}: its issuer says two things at once`);
  throw refuseList(`List ${number} of ${issuer} is older than the one that counts, ${before?.number}`);
}
