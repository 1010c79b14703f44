import type { SessionRecord, SessionStore } from '../components/magauth/ports.ts';
import { CredentialSecret, PRINCIPAL_JSON } from './credential-secret.ts';
import type { Database } from './database.ts';

const secrets = new CredentialSecret('mags');

const COLUMNS = `'session' AS kind, s.id, p.name, NULL AS role, s.tenant_id AS "tenantId", s.provider,
  s.created_at AS "createdAt", s.last_seen_at AS "lastSeenAt", s.expires_at AS "expiresAt",
  s.revoked_at AS "revokedAt", false AS "readOnly", NULL AS paths, ${PRINCIPAL_JSON} AS principal`;
const FROM = 'mag.sessions s JOIN mag.principals p ON p.id = s.principal_id';
const GOOD = `s.revoked_at IS NULL AND s.expires_at > now() AND p.disabled_at IS NULL
  AND s.last_seen_at + s.idle_ms * interval '1 millisecond' > now()`;
/** How exactly it is known when a session was last used: a tenth of how long it may rest, a minute at most. */
const STALE = `s.last_seen_at < now() - least(s.idle_ms / 10, 60000) * interval '1 millisecond'`;

export function createSessionStore(database: Database): SessionStore {
  return {
    async create({ principalId, tenantId, provider, idleMs, maxMs }) {
      const { id, text, digest } = secrets.create();
      const [made] = await database.query<{ expiresAt: Date }>(
        `INSERT INTO mag.sessions (id, secret_sha256, principal_id, tenant_id, provider, idle_ms, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, now() + $7::bigint * interval '1 millisecond')
         RETURNING expires_at AS "expiresAt"`,
        [id, digest, principalId, tenantId, provider, idleMs, maxMs],
      );
      return { id, token: text, expiresAt: made?.expiresAt ?? new Date(0) };
    },

    async authenticate(token) {
      const sent = secrets.read(token);
      if (sent === null) return null;
      const rows = await database.query<SessionRecord & { secret: Buffer; stale: boolean }>(
        `SELECT ${COLUMNS}, s.secret_sha256 AS secret, ${STALE} AS stale FROM ${FROM} WHERE s.id = $1 AND ${GOOD}`,
        [sent.id],
      );
      const found = rows[0];
      if (!sent.isOf(found?.secret) || found === undefined) return null;
      const { secret: _, stale, ...record } = found;
      if (stale)
        await database.query('UPDATE mag.sessions SET last_seen_at = now() WHERE id = $1', [sent.id]);
      return record;
    },

    list(principalId) {
      return database.query<SessionRecord>(
        `SELECT ${COLUMNS} FROM ${FROM} WHERE ${GOOD} AND ($1::text IS NULL OR p.id = $1) ORDER BY s.position DESC`,
        [principalId ?? null],
      );
    },

    async revoke(which) {
      const [column, value] = 'id' in which ? ['id', which.id] : ['principal_id', which.principalId];
      return database.query<SessionRecord>(
        `UPDATE mag.sessions s SET revoked_at = now() FROM mag.principals p
         WHERE p.id = s.principal_id AND s.${column} = $1 AND s.revoked_at IS NULL AND s.expires_at > now()
         RETURNING ${COLUMNS}`,
        [value],
      );
    },
  };
}
