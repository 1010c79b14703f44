import type { Context, Json, Transaction } from '#sdk';
import { type Field, parameterOf } from './fields.ts';
import { Refusal } from './problems.ts';
import type { Resource } from './resources.ts';

/** A row as it is answered. */
export type Row = Record<string, Json> & { readonly version: number };
type Reader = Pick<Context['db'], 'query' | 'queryOne'> | Transaction;

/** Which row: `tenant` is null where rows belong to none. */
export interface Key {
  readonly tenant: string | null;
  readonly id: string;
}

export interface Page {
  readonly tenant: string | null;
  readonly filters: ReadonlyMap<string, string>;
  /** The id of the last row of the page before; empty: the first page. */
  readonly after: string;
  readonly limit: number;
}

const UNIQUE_VIOLATION = '23505';

/** One page, by id. Row-level security holds whatever is asked for. */
export async function listRows(db: Reader, resource: Resource, page: Page): Promise<Row[]> {
  const params: Json[] = [page.after, page.limit];
  const where = [`${resource.key} > $1`];
  if (page.tenant !== null) where.push(`tenant = $${params.push(page.tenant)}`);
  for (const [column, value] of page.filters) {
    const place = `$${params.push(value)}`;
    where.push(column === 'roles' ? `${place} = ANY (roles)` : `${column} = ${place}`);
  }
  const sql = `SELECT * FROM ${resource.table} WHERE ${where.join(' AND ')} ORDER BY ${resource.key} LIMIT $2`;
  return (await db.query<Row>(sql, params)).rows;
}

export function findRow(db: Reader, resource: Resource, key: Key): Promise<Row | null> {
  const { where, params } = whereIs(resource, key);
  return db.queryOne<Row>(`SELECT * FROM ${resource.table} WHERE ${where}`, params);
}

/** @throws `EXISTS` */
export async function insertRow(
  tx: Transaction,
  resource: Resource,
  tenant: string | null,
  values: ReadonlyMap<string, Json>,
): Promise<Row> {
  const columns = tenant === null ? [] : ['tenant'];
  const params: Json[] = tenant === null ? [] : [tenant];
  const places = tenant === null ? [] : ['$1'];
  for (const [name, value] of values) {
    const field = resource.fields[name] as Field; // they were read by these fields
    columns.push(field.column);
    places.push(`$${params.push(parameterOf(field, value))}::${field.cast}`);
  }
  const sql = `INSERT INTO ${resource.table} (${columns.join(', ')}) VALUES (${places.join(', ')}) RETURNING *`;
  try {
    return (await tx.queryOne<Row>(sql, params)) as Row;
  } catch (failure) {
    if (sqlStateOf(failure) !== UNIQUE_VIOLATION) throw failure;
    throw new Refusal('EXISTS', `There is such a ${resource.name} already.`);
  }
}

/** Changes the row if it still has the version. @throws `NOT_FOUND`, `STALE` */
export async function updateRow(
  tx: Transaction,
  resource: Resource,
  key: Key,
  values: ReadonlyMap<string, Json>,
  version: number | null,
): Promise<Row> {
  const { where, params } = whereIs(resource, key);
  const sets = ['version = version + 1', 'updated_at = now()'];
  for (const [name, value] of values) {
    const field = resource.fields[name] as Field; // they were read by these fields
    sets.push(`${field.column} = $${params.push(parameterOf(field, value))}::${field.cast}`);
  }
  const isThis = version === null ? where : `${where} AND version = $${params.push(version)}`;
  const sql = `UPDATE ${resource.table} SET ${sets.join(', ')} WHERE ${isThis} RETURNING *`;
  return (await tx.queryOne<Row>(sql, params)) ?? whyNot(tx, resource, key);
}

/** @throws `NOT_FOUND`, `STALE` */
export async function deleteRow(
  tx: Transaction,
  resource: Resource,
  key: Key,
  version: number | null,
): Promise<Row> {
  const { where, params } = whereIs(resource, key);
  const isThis = version === null ? where : `${where} AND version = $${params.push(version)}`;
  const row = await tx.queryOne<Row>(`DELETE FROM ${resource.table} WHERE ${isThis} RETURNING *`, params);
  return row ?? whyNot(tx, resource, key);
}

async function whyNot(tx: Transaction, resource: Resource, key: Key): Promise<never> {
  if ((await findRow(tx, resource, key)) === null) throw notFound(resource);
  throw new Refusal('STALE', `The ${resource.name} was changed meanwhile.`);
}

export function notFound({ name }: Resource): Refusal {
  return new Refusal('NOT_FOUND', `There is no such ${name}.`);
}

function whereIs({ key }: Resource, { tenant, id }: Key): { where: string; params: Json[] } {
  if (tenant === null) return { where: `${key} = $1`, params: [id] };
  return { where: `${key} = $1 AND tenant = $2`, params: [id, tenant] };
}

/** The host names it in the message of `E_DB`. */
function sqlStateOf(failure: unknown): string | null {
  const message = failure instanceof Error ? failure.message : '';
  return /^([0-9A-Z]{5}):/.exec(message)?.[1] ?? null;
}
