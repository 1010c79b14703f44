import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { TokenRecord, TokenStore } from '../components/magauth/ports.ts';
import type { Database } from './database.ts';

/** `mag_<id>_<secret>` */
const TOKEN = /^mag_([0-9a-f]{16})_([0-9a-f]{64})$/;
/** Compared with when no token has the id, so that both answers take as long. */
const NOBODY = Buffer.alloc(32);

const COLUMNS = `id, name, role, tenant_id AS "tenantId", created_at AS "createdAt",
  expires_at AS "expiresAt", revoked_at AS "revokedAt", last_used_at AS "lastUsedAt"`;

export function createTokenStore(database: Database): TokenStore {
  return {
    async create({ name, role, tenantId, expiresAt }) {
      const id = randomBytes(8).toString('hex');
      const secret = randomBytes(32).toString('hex');
      await database.query(
        `INSERT INTO mag.tokens (id, secret_sha256, name, role, tenant_id, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6)`,
        [id, digest(secret), name, role, tenantId, expiresAt?.toISOString() ?? null],
      );
      return { id, token: `mag_${id}_${secret}` };
    },

    async authenticate(token) {
      const [, id, secret] = TOKEN.exec(token) ?? [];
      if (id === undefined || secret === undefined) return null;
      const rows = await database.query<TokenRecord & { secret: Buffer; stale: boolean }>(
        `SELECT ${COLUMNS}, secret_sha256 AS secret,
           coalesce(last_used_at < now() - interval '1 minute', true) AS stale
         FROM mag.tokens
         WHERE id = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())`,
        [id],
      );
      const found = rows[0];
      if (!timingSafeEqual(digest(secret), found?.secret ?? NOBODY) || found === undefined) return null;
      const { secret: _, stale, ...record } = found;
      if (stale) await database.query('UPDATE mag.tokens SET last_used_at = now() WHERE id = $1', [id]);
      return record;
    },

    list() {
      return database.query<TokenRecord>(`SELECT ${COLUMNS} FROM mag.tokens ORDER BY position DESC`);
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

function digest(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}
