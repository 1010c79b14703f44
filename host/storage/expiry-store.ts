import type { ExpiredCredential, ExpiryStore } from '../components/magauth/ports.ts';
import type { Database } from './database.ts';

const taken = (table: 'tokens' | 'sessions') =>
  `UPDATE mag.${table} SET expiry_told_at = now()
   WHERE expires_at <= now() AND expiry_told_at IS NULL AND revoked_at IS NULL
   RETURNING id, tenant_id, principal_id`;

export function createExpiryStore(database: Database): ExpiryStore {
  return {
    take: () =>
      database.query<ExpiredCredential>(
        `WITH tokens AS (${taken('tokens')}), sessions AS (${taken('sessions')}),
           ended AS (SELECT 'token' AS kind, * FROM tokens UNION ALL SELECT 'session', * FROM sessions)
         SELECT e.kind, e.id, e.tenant_id AS "tenantId", coalesce(p.kind || ':' || p.id, 'token:' || e.id) AS principal
         FROM ended e LEFT JOIN mag.principals p ON p.id = e.principal_id`,
      ),
  };
}
