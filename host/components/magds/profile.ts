import { quoted } from '../../../adapters/magds/index.ts';
import { MagError, messageOf } from '../../../kernel/errors.ts';
import type { Json } from '../../../manifests/json.ts';
import type { Database } from '../../storage/database.ts';
import type { DatabaseProfile } from './ports.ts';

/**
 * Postgres extensions that compute and index, and nothing else: none reads files or other databases, reaches
 * the network, runs code in strings or looks into the server.
 */
const TRUSTED_EXTENSIONS: ReadonlySet<string> = new Set([
  'btree_gin',
  'btree_gist',
  'citext',
  'cube',
  'dict_int',
  'earthdistance',
  'fuzzystrmatch',
  'hstore',
  'intarray',
  'isn',
  'ltree',
  'pg_trgm',
  'pgcrypto',
  'seg',
  'tablefunc',
  'tsm_system_rows',
  'tsm_system_time',
  'unaccent',
  'uuid-ossp',
  'vector',
]);

const SETTINGS: ReadonlySet<string> = new Set([
  'timezone',
  'default_text_search_config',
  'statement_timeout',
  'lock_timeout',
  'idle_in_transaction_session_timeout',
]);

/**
 * A profile as it came from whoever asked or from a tap, checked against what the host trusts and the server has.
 * @throws `E_DB_PROFILE`
 */
export async function checkedProfile(platform: Database, value: Json): Promise<DatabaseProfile> {
  const { extensions, settings } = value as unknown as DatabaseProfile; // the schema of the route and hook
  const wanted = [...new Set(extensions)].sort();
  for (const name of wanted) {
    if (!TRUSTED_EXTENSIONS.has(name)) throw refused(`The Postgres extension ${name} is not offered.`);
  }
  for (const name of Object.keys(settings)) {
    if (!SETTINGS.has(name)) throw refused(`The setting ${name} is not offered.`);
  }
  const available = await platform.query<{ name: string }>(
    'SELECT name FROM pg_available_extensions WHERE name = ANY($1)',
    [wanted],
  );
  const known = new Set(available.map(({ name }) => name));
  const missing = wanted.find((name) => !known.has(name));
  if (missing !== undefined) throw refused(`The server does not have the Postgres extension ${missing}.`);
  return { extensions: wanted, settings: { ...settings } };
}

/** What sessions of a database begin with. @throws `E_DB_PROFILE` for a value the server refuses */
export async function applySettings(
  platform: Database,
  serverName: string,
  { settings }: DatabaseProfile,
): Promise<void> {
  for (const [name, value] of Object.entries(settings)) {
    const literal = `'${value.replaceAll("'", "''").replaceAll('\\', '\\\\')}'`;
    const statement = `ALTER DATABASE ${quoted(serverName)} SET ${name} = E${literal}`;
    await platform.query(statement).catch((cause: unknown) => {
      throw new MagError('E_DB_PROFILE', `The server refuses the value of ${name}: ${causeOf(cause)}`, {
        cause,
      });
    });
  }
}

/** `database` is the new one. */
export async function installExtensions(database: Database, { extensions }: DatabaseProfile): Promise<void> {
  for (const name of extensions) {
    await database.query(`CREATE EXTENSION IF NOT EXISTS ${quoted(name)} SCHEMA public CASCADE`);
  }
}

function causeOf(error: unknown): string {
  return error instanceof Error && error.cause !== undefined ? messageOf(error.cause) : messageOf(error);
}

function refused(detail: string): MagError {
  return new MagError('E_DB_PROFILE', detail);
}
