import { checkPolicyExpression, isReservedSchema, quoted } from '../../../adapters/magds/index.ts';
import { MagError, messageOf } from '../../../kernel/errors.ts';
import type { Database } from '../../storage/database.ts';
import { sqlStateOf } from '../../storage/database-errors.ts';
import { announce, databaseOf, holdDatabase, type Parts, serverNameOf } from './parts.ts';
import type { Asker } from './ports.ts';

const COMMANDS = ['all', 'select', 'insert', 'update', 'delete'] as const;
type Command = (typeof COMMANDS)[number];

export interface NewPolicy {
  /** `schema.name` */
  readonly table: string;
  readonly name: string;
  readonly command: Command;
  /** False: it restricts what permissive ones allow. */
  readonly permissive: boolean;
  /** Which rows there are. */
  readonly using: string | null;
  /** Which rows may be written; `null`: those there are. */
  readonly check: string | null;
}

/** Row-level-security policies on tables of a database. */
export class Policies {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** By table and name, those of the host's own schemas left out. @throws `E_NOT_FOUND`, `E_BUSY` */
  async list(project: string, name: string): Promise<NewPolicy[]> {
    const record = await databaseOf(this.#parts, project, name);
    await using database = await this.#parts.server.open(serverNameOf(this.#parts, record));
    return await database.query<NewPolicy>(
      `SELECT schemaname || '.' || tablename AS table, policyname AS name, lower(cmd) AS command,
         permissive = 'PERMISSIVE' AS permissive, qual AS using, with_check AS check
       FROM pg_policies WHERE schemaname NOT IN ('mag', 'mag_ext', 'magflock') ORDER BY 1, 2`,
    );
  }

  /**
   * Turns row-level security on for the table, for its owner too, and makes the policy.
   * @throws `E_BAD_REQUEST`, `E_SQL_SYNTAX`, `E_SQL_FORBIDDEN`, `E_VETO`, `E_EXISTS`, `E_DB`, `E_NOT_FOUND`
   */
  async create(project: string, database: string, wanted: NewPolicy, asker: Asker): Promise<NewPolicy> {
    const parts = this.#parts;
    await using _lock = await holdDatabase(parts, project, database);
    const serverName = serverNameOf(parts, await databaseOf(parts, project, database));
    await this.#check(wanted);
    const about = { project, database };
    const value = { ...about, ...wanted };
    const changed = await parts.hooks().createPolicy.fire(value, { request: asker.request });
    const policy = { ...readPolicy(changed), table: wanted.table, name: wanted.name };
    await this.#check(policy);
    await using host = await parts.server.open(serverName);
    await createOn(host, policy);
    const data = { ...about, table: policy.table, policy: policy.name };
    parts.console.schemaChanged({ ...about, change: 'policy', name: policy.name }, asker);
    await announce(parts, 'database.policy.created', data, asker);
    return policy;
  }

  async #check({ table, command, using, check }: NewPolicy): Promise<void> {
    const { schema } = tableOf(table);
    if (using === null && check === null)
      throw malformed('A policy has an expression: using, check, or both.');
    if (command === 'insert' && using !== null) throw malformed('A policy for insert has check, not using.');
    if ((command === 'select' || command === 'delete') && check !== null)
      throw malformed(`A policy for ${command} has using, not check.`);
    for (const expression of [using, check]) {
      if (expression !== null) await checkPolicyExpression(this.#parts.parser, expression, schema);
    }
  }
}

/** What a tap handed back; the hook has checked it against its schema. */
function readPolicy(value: unknown): NewPolicy {
  const { table, name, command, permissive, using, check } = value as NewPolicy;
  return { table, name, command, permissive, using, check };
}

/** @throws `E_BAD_REQUEST` for a table nobody makes policies on */
function tableOf(table: string): { schema: string; name: string } {
  const [schema = '', name = '', ...more] = table.split('.');
  if (name === '' || more.length > 0) throw malformed('A table is written schema.name.');
  // Extensions have tables too, which an operator may narrow.
  if (isReservedSchema(schema) && !schema.startsWith('ext_')) {
    throw malformed(`The schema ${schema} is none that policies are made in.`);
  }
  return { schema, name };
}

async function createOn(host: Database, policy: NewPolicy): Promise<void> {
  const { schema, name } = tableOf(policy.table);
  const table = quoted(schema, name);
  const using = policy.using === null ? '' : ` USING (\n${policy.using}\n)`;
  const check = policy.check === null ? '' : ` WITH CHECK (\n${policy.check}\n)`;
  const kind = policy.permissive ? 'PERMISSIVE' : 'RESTRICTIVE';
  try {
    await host.transaction(async (transaction) => {
      await transaction.query(`SET LOCAL search_path = ${quoted(schema)}; SET LOCAL lock_timeout = '10s'`);
      await transaction.query(`ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY`);
      await transaction.query(
        `CREATE POLICY ${quoted(policy.name)} ON ${table} AS ${kind} FOR ${policy.command}${using}${check}`,
      );
    });
  } catch (error) {
    throw policyError(error, policy);
  }
}

function policyError(error: unknown, { table, name }: NewPolicy): unknown {
  const state = sqlStateOf(error);
  if (state === undefined) return error;
  if (state === '42710') return new MagError('E_EXISTS', `${table} has a policy ${name} already.`);
  const { cause } = error as Error;
  return new MagError('E_DB', `${state}: ${messageOf(cause)}`, { cause: error });
}

function malformed(detail: string): MagError {
  return new MagError('E_BAD_REQUEST', detail);
}
