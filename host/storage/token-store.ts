import { MagError } from '../../kernel/errors.ts';
import type { TokenRecord, TokenStore } from '../components/magauth/ports.ts';
import { CredentialSecret, PRINCIPAL_JSON } from './credential-secret.ts';
import type { Database } from './database.ts';

const secrets = new CredentialSecret('mag');

const COLUMNS = `'token' AS kind, t.id, t.name, t.role, t.tenant_id AS "tenantId", t.created_at AS "createdAt",
  t.expires_at AS "expiresAt", t.revoked_at AS "revokedAt", t.last_used_at AS "lastUsedAt",
  t.read_only AS "readOnly", t.paths, ${PRINCIPAL_JSON} AS principal`;
const FROM = 'mag.tokens t LEFT JOIN mag.principals p ON p.id = t.principal_id';

export function createTokenStore(database: Database): TokenStore {
  return {
    async create({ name, role, tenantId, expiresAt, principalId, readOnly = false, paths }) {
      const { id, text, digest } = secrets.create();
      const made = await database.query(
        `INSERT INTO mag.tokens (id, secret_sha256, name, role, tenant_id, expires_at, principal_id, read_only, paths)
         SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9
         WHERE $7::text IS NULL OR EXISTS (SELECT FROM mag.principals WHERE id = $7)
         RETURNING 1`,
        [
          ...[id, digest, name, role, tenantId, expiresAt?.toISOString() ?? null],
          ...[principalId ?? null, readOnly, paths ?? null],
        ],
      );
      if (made.length === 0) throw new MagError('E_NOT_FOUND', 'No such user.');
      return { id, token: text };
    },

    async authenticate(token) {
      const sent = secrets.read(token);
      if (sent === null) return null;
      const rows = await database.query<TokenRecord & { secret: Buffer; stale: boolean }>(
        `SELECT ${COLUMNS}, t.secret_sha256 AS secret,
           coalesce(t.last_used_at < now() - interval '1 minute', true) AS stale
         FROM ${FROM}
         WHERE t.id = $1 AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > now())
           AND p.disabled_at IS NULL`,
        [sent.id],
      );
      const found = rows[0];
      if (!sent.isOf(found?.secret) || found === undefined) return null;
      const { secret: _, stale, ...record } = found;
      if (stale) await database.query('UPDATE mag.tokens SET last_used_at = now() WHERE id = $1', [sent.id]);
      return record;
    },

    list() {
      return database.query<TokenRecord>(`SELECT ${COLUMNS} FROM ${FROM} ORDER BY t.position DESC`);
    },

    async revoke(id) {
      const revoked = await database.query(
        'UPDATE mag.tokens SET revoked_at = now() WHERE id = $1 AND revoked_at IS NULL RETURNING 1',
        [id],
      );
      return revoked.length > 0;
    },
  };
}
