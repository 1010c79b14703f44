import type { Grant, GrantStore, NewGrant } from '../../kernel/ports.ts';
import type { Database } from './database.ts';

const REPLACED = `ON CONFLICT (extension, capability) DO UPDATE SET scope = excluded.scope,
  granted_by = excluded.granted_by, granted_at = now(), uses = 0, last_used_at = NULL`;

export function createGrantStore(database: Database): GrantStore {
  return {
    list(extension) {
      return database.query<Grant>(
        `SELECT extension, capability, scope, granted_by AS "grantedBy", granted_at AS "grantedAt", uses,
           last_used_at AS "lastUsedAt"
         FROM mag.grants WHERE $1::text IS NULL OR extension = $1 ORDER BY extension, capability`,
        [extension ?? null],
      );
    },

    async put(grant) {
      await database.query(
        `INSERT INTO mag.grants (extension, capability, scope, granted_by) VALUES ($1, $2, $3, $4) ${REPLACED}`,
        columnsOf(grant),
      );
    },

    async add(grant) {
      // An uninstall that writes its record meanwhile is waited for, and removes what was added before it.
      const added = await database.query(
        `INSERT INTO mag.grants (extension, capability, scope, granted_by)
         SELECT id, $2, $3, $4 FROM mag.extensions
         WHERE id = $1 AND state NOT IN ('staged', 'uninstalled') FOR SHARE
         ${REPLACED} RETURNING 1`,
        columnsOf(grant),
      );
      return added.length > 0;
    },

    async remove(extension, capability) {
      const removed = await database.query(
        'DELETE FROM mag.grants WHERE extension = $1 AND capability = $2 RETURNING 1',
        [extension, capability],
      );
      return removed.length > 0;
    },

    async addUses(uses) {
      if (uses.length === 0) return;
      // Rows are locked in one order, so that two hosts that count at the same time cannot deadlock.
      await database.query(
        `WITH given AS (
           SELECT extension, capability, sum(count) AS count, max(at) AS at
           FROM unnest($1::text[], $2::text[], $3::bigint[], $4::timestamptz[])
             AS given (extension, capability, count, at)
           GROUP BY extension, capability
         ), locked AS (
           SELECT extension, capability, given.count, given.at
           FROM mag.grants JOIN given USING (extension, capability)
           ORDER BY extension, capability FOR UPDATE OF grants
         )
         UPDATE mag.grants AS held
         SET uses = held.uses + locked.count, last_used_at = greatest(held.last_used_at, locked.at)
         FROM locked
         WHERE held.extension = locked.extension AND held.capability = locked.capability`,
        [
          uses.map((use) => use.extension),
          uses.map((use) => use.capability),
          uses.map((use) => use.count),
          uses.map((use) => use.at.toISOString()),
        ],
      );
    },
  };
}

function columnsOf({ extension, capability, scope, grantedBy }: NewGrant): (string | null)[] {
  return [extension, capability, scope === null ? null : JSON.stringify(scope), grantedBy];
}
