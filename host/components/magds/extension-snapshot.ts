import type { Parts } from './parts.ts';
import { DEFAULT_PROJECT, type ExtensionMigrations, MAIN_DATABASE } from './ports.ts';

/** Which migrations the extensions are at whose schemas are in a database: only the one of the host has any. */
export async function extensionMigrations(
  { server }: Parts,
  project: string,
  database: string,
): Promise<ExtensionMigrations> {
  if (project !== DEFAULT_PROJECT || database !== MAIN_DATABASE) return {};
  const rows = await server.platform.query<{ extension: string; migrations: Record<string, string> | null }>(
    `SELECT r.extension_id AS extension, json_object_agg(m.name, m.checksum) FILTER (WHERE m.name IS NOT NULL)
       AS migrations
     FROM mag.extension_roles r LEFT JOIN mag.extension_migrations m
       ON m.extension_id = r.extension_id AND m.state = 'applied'
     GROUP BY r.extension_id`,
  );
  return Object.fromEntries(rows.map(({ extension, migrations }) => [extension, migrations ?? {}]));
}

export function sameMigrations(one: ExtensionMigrations, other: ExtensionMigrations): boolean {
  return textOf(one) === textOf(other);
}

/** Of an extension in both, sorted: objects of JSON keep the order they were written in. */
function textOf(migrations: ExtensionMigrations): string {
  const sorted = Object.entries(migrations)
    .sort(byName)
    .map(([extension, ran]) => [extension, Object.entries(ran).sort(byName)]);
  return JSON.stringify(sorted);
}

function byName([one]: [string, unknown], [other]: [string, unknown]): number {
  return one < other ? -1 : 1;
}
