import { randomBytes } from 'node:crypto';
import { MagError } from '../../kernel/errors.ts';
import type { PrincipalRecord, PrincipalStore, RoleAssignment, SignIn } from '../components/magauth/ports.ts';
import type { Database, Querier } from './database.ts';

const COLUMNS = `id, kind, name, email, tenant_id AS "tenantId", created_at AS "createdAt",
  disabled_at AS "disabledAt"`;

export function createPrincipalStore(database: Database): PrincipalStore {
  const of = async (rows: Promise<object[]>) => (await rows).length > 0;
  return {
    create: (principal) => insert(database, principal),

    async get(id) {
      const rows = await database.query<PrincipalRecord>(
        `SELECT ${COLUMNS} FROM mag.principals WHERE id = $1`,
        [id],
      );
      return rows[0] ?? null;
    },

    list: () => database.query(`SELECT ${COLUMNS} FROM mag.principals ORDER BY position`),

    setDisabled: (id, disabled) =>
      of(
        database.query(
          `UPDATE mag.principals SET disabled_at = CASE WHEN $2 THEN now() END
           WHERE id = $1 AND (disabled_at IS NULL) = $2 RETURNING 1`,
          [id, disabled],
        ),
      ),

    remove: (id) => of(database.query('DELETE FROM mag.principals WHERE id = $1 RETURNING 1', [id])),

    signIn: (login) => database.transaction((transaction) => signIn(transaction, login)),

    assignments: (id) =>
      database.query<RoleAssignment>(
        `SELECT tenant_id AS "tenantId", role, source, assigned_by AS "assignedBy", assigned_at AS "assignedAt"
         FROM mag.role_assignments WHERE principal_id = $1 ORDER BY tenant_id, role, source`,
        [id],
      ),

    async assign(id, { tenantId, role, source, assignedBy }) {
      const [known] = await database.query<{ assigned: boolean }>(
        `WITH known AS (SELECT id FROM mag.principals WHERE id = $1),
           made AS (INSERT INTO mag.role_assignments (principal_id, tenant_id, role, source, assigned_by)
             SELECT id, $2, $3, $4, $5 FROM known ON CONFLICT DO NOTHING RETURNING 1)
         SELECT EXISTS (SELECT FROM made) AS assigned FROM known`,
        [id, tenantId, role, source, assignedBy],
      );
      if (known === undefined) throw new MagError('E_NOT_FOUND', 'No such user.');
      return known.assigned;
    },

    unassign: (id, { tenantId, role, source }) =>
      of(
        database.query(
          `DELETE FROM mag.role_assignments
           WHERE principal_id = $1 AND tenant_id = $2 AND role = $3 AND source = $4 RETURNING 1`,
          [id, tenantId, role, source],
        ),
      ),

    holders: (tenantId, role, { after, limit }) =>
      database.query(
        `SELECT ${COLUMNS} FROM mag.principals
         WHERE id > $3 AND id IN (SELECT principal_id FROM mag.role_assignments WHERE tenant_id = $1 AND role = $2)
         ORDER BY id LIMIT $4`,
        [tenantId, role, after, limit],
      ),

    forget: (extension, { purge }) =>
      database.transaction(async (transaction) => {
        const [own, providers] = [`extension:${extension}`, `${extension}#`];
        await transaction.query(
          'DELETE FROM mag.role_assignments WHERE source = $1 OR starts_with(source, $2)',
          [own, `provider:${providers}`],
        );
        if (!purge) return;
        await transaction.query('DELETE FROM mag.principal_identities WHERE starts_with(provider, $1)', [
          providers,
        ]);
        await transaction.query(
          'UPDATE mag.sessions SET revoked_at = now() WHERE revoked_at IS NULL AND starts_with(provider, $1)',
          [providers],
        );
      }),
  };
}

async function insert(
  on: Querier,
  { kind, name, email, tenantId }: Pick<PrincipalRecord, 'kind' | 'name' | 'email' | 'tenantId'>,
): Promise<PrincipalRecord> {
  const [made] = await on.query<PrincipalRecord>(
    `INSERT INTO mag.principals (id, kind, name, email, tenant_id) VALUES ($1, $2, $3, $4, $5)
     RETURNING ${COLUMNS}`,
    [randomBytes(8).toString('hex'), kind, name, email, tenantId],
  );
  if (made === undefined) throw new MagError('E_STORAGE', 'The user was not written.');
  return made;
}

async function signIn(on: Querier, login: SignIn): Promise<PrincipalRecord> {
  const { provider, subject, name, email, tenantId, roles } = login;
  // Two first logins of one person at once must not make two of them.
  await on.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`${provider} ${subject}`]);
  const [known] = await on.query<PrincipalRecord>(
    `UPDATE mag.principals SET name = $3, email = $4
     WHERE id = (SELECT principal_id FROM mag.principal_identities WHERE provider = $1 AND subject = $2)
     RETURNING ${COLUMNS}`,
    [provider, subject, name, email],
  );
  const principal = known ?? (await insert(on, { kind: 'user', name, email, tenantId }));
  if (known === undefined) {
    await on.query(
      'INSERT INTO mag.principal_identities (provider, subject, principal_id) VALUES ($1, $2, $3)',
      [provider, subject, principal.id],
    );
  }
  const source = `provider:${provider}`;
  await on.query(
    `DELETE FROM mag.role_assignments
     WHERE principal_id = $1 AND source = $2 AND NOT (tenant_id = $3 AND role = ANY ($4))`,
    [principal.id, source, tenantId, roles],
  );
  await on.query(
    `INSERT INTO mag.role_assignments (principal_id, tenant_id, role, source, assigned_by)
     SELECT $1, $3, role, $2, $2 FROM unnest($4::text[]) AS role ON CONFLICT DO NOTHING`,
    [principal.id, source, tenantId, roles],
  );
  return principal;
}
