import { MagError } from '../../kernel/errors.ts';
import type { PackageBytes, PackageStore, StoredPackage } from '../../kernel/ports.ts';
import type { Database } from './database.ts';
import { violatedUnique } from './database-errors.ts';

const COLUMNS = `digest, id, version, publisher, tier, signed_by AS "signedBy", size_bytes AS "sizeBytes",
  staged_at AS "stagedAt"`;

/** Packages lie in the database, so every host that shares it can load them. */
export function createPackageStore(database: Database): PackageStore {
  return {
    async put(entry, { archive, bundle, attestations }) {
      try {
        await database.query(
          `INSERT INTO mag.packages
             (digest, id, version, publisher, tier, signed_by, size_bytes, archive, bundle, attestations)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
           ON CONFLICT (digest) DO UPDATE SET publisher = excluded.publisher, tier = excluded.tier,
             signed_by = excluded.signed_by, bundle = excluded.bundle, attestations = excluded.attestations`,
          [
            entry.digest,
            entry.id,
            entry.version,
            entry.publisher,
            entry.tier,
            entry.signedBy,
            entry.sizeBytes,
            Buffer.from(archive.buffer, archive.byteOffset, archive.byteLength),
            bundle,
            attestations,
          ],
        );
      } catch (error) {
        throw violatedUnique(error) === 'packages_one_digest_per_version'
          ? equivocation(entry, error)
          : error;
      }
    },

    async find(id, version) {
      const rows = await database.query<StoredPackage>(
        `SELECT ${COLUMNS} FROM mag.packages WHERE id = $1 AND version = $2`,
        [id, version],
      );
      return rows[0] ?? null;
    },

    list(id) {
      return database.query<StoredPackage>(
        `SELECT ${COLUMNS} FROM mag.packages WHERE $1::text IS NULL OR id = $1 ORDER BY position DESC`,
        [id ?? null],
      );
    },

    async read(digest) {
      const rows = await database.query<PackageBytes>(
        'SELECT archive, bundle, attestations FROM mag.packages WHERE digest = $1',
        [digest],
      );
      return rows[0] ?? null;
    },

    async remove(digest) {
      await database.query('DELETE FROM mag.packages WHERE digest = $1', [digest]);
    },
  };
}

function equivocation(entry: { id: string; version: string }, cause: unknown): MagError {
  return new MagError(
    'E_PKG_EQUIVOCATION',
    `Version ${entry.version} of ${entry.id} is stored already, with another digest.`,
    { cause },
  );
}
