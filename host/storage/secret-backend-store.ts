import type { VaultConnection, VaultConnections } from '../../adapters/secrets/index.ts';
import { MagError } from '../../kernel/errors.ts';
import type { Database } from './database.ts';

const COLUMNS = 'name, url, mount, kv_version AS "kvVersion", secret, role_id AS "roleId"';

export function createSecretBackendStore(database: Database): VaultConnections {
  return {
    async find(name) {
      const [found] = await database.query<VaultConnection>(
        `SELECT ${COLUMNS} FROM mag.secret_backends WHERE name = $1`,
        [name],
      );
      return found ?? null;
    },

    list: () => database.query(`SELECT ${COLUMNS} FROM mag.secret_backends ORDER BY name`),

    async add({ name, url, mount, kvVersion, secret, roleId }) {
      const added = await database.query(
        `INSERT INTO mag.secret_backends (name, url, mount, kv_version, secret, role_id)
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING RETURNING 1`,
        [name, url, mount, kvVersion, secret, roleId],
      );
      if (added.length === 0) throw new MagError('E_EXISTS', `There is a backend vault:${name} already.`);
    },

    remove: (name) =>
      database.transaction(async (transaction) => {
        await transaction.query('LOCK TABLE mag.secret_mappings IN SHARE ROW EXCLUSIVE MODE');
        const used = await transaction.query('SELECT 1 FROM mag.secret_mappings WHERE backend = $1 LIMIT 1', [
          `vault:${name}`,
        ]);
        if (used.length > 0) throw new MagError('E_STATE', `Secrets are mapped to vault:${name}.`);
        const removed = await transaction.query(
          'DELETE FROM mag.secret_backends WHERE name = $1 RETURNING 1',
          [name],
        );
        if (removed.length === 0) throw new MagError('E_NOT_FOUND', `There is no backend vault:${name}.`);
      }),
  };
}
