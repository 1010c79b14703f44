import type { RoleStore } from '../components/magauth/ports.ts';
import type { Database } from './database.ts';

export function createRoleStore(database: Database): RoleStore {
  return {
    list: () => database.query('SELECT name, description, permissions FROM mag.roles ORDER BY name'),

    async put({ name, description, permissions }) {
      await database.query(
        `INSERT INTO mag.roles (name, description, permissions) VALUES ($1, $2, $3)
         ON CONFLICT (name) DO UPDATE SET description = excluded.description, permissions = excluded.permissions`,
        [name, description, permissions],
      );
    },

    async remove(name) {
      const removed = await database.query('DELETE FROM mag.roles WHERE name = $1 RETURNING 1', [name]);
      return removed.length > 0;
    },
  };
}
