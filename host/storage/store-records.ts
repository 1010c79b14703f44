import type { StoreDirectory, StoreRecord } from '../../adapters/stores/index.ts';
import { MagError } from '../../kernel/errors.ts';
import type { Database } from './database.ts';
import { violatedUnique } from './database-errors.ts';

const COLUMNS = 'name, kind, url, username, password_secret AS "passwordSecret", prefix';

/** The stores that operators connected, for every host on this database. */
export interface StoreRecords extends StoreDirectory {
  /** @throws `E_EXISTS` */
  add(record: StoreRecord, createdBy: string): Promise<void>;
  /** False: there is none by that name. */
  remove(name: string): Promise<boolean>;
}

export function createStoreRecords(database: Database): StoreRecords {
  return {
    list: () => database.query<StoreRecord>(`SELECT ${COLUMNS} FROM mag.stores ORDER BY name`),

    async find(name) {
      const [row] = await database.query<StoreRecord>(`SELECT ${COLUMNS} FROM mag.stores WHERE name = $1`, [
        name,
      ]);
      return row ?? null;
    },

    async add({ name, kind, url, username, passwordSecret, prefix }, createdBy) {
      await database
        .query(
          `INSERT INTO mag.stores (name, kind, url, username, password_secret, prefix, created_by)
           VALUES ($1, $2, $3, $4, $5, $6, $7)`,
          [name, kind, url, username, passwordSecret, prefix, createdBy],
        )
        .catch((error: unknown) => {
          if (violatedUnique(error) === undefined) throw error;
          throw new MagError('E_EXISTS', `There is a store ${name} already.`, { cause: error });
        });
    },

    async remove(name) {
      return (await database.query('DELETE FROM mag.stores WHERE name = $1 RETURNING 1', [name])).length > 0;
    },
  };
}
