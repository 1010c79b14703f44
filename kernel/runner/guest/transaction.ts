import type { Json } from '../../../manifests/json.ts';
import type { Database, Transaction } from '../../../manifests/sdk/host-api.ts';
import type { Ask } from './context.ts';
import { freeze, GuestTypeError } from './primordials.ts';

type Result<Row> = { rows: Row[]; rowCount: number };

let idOf: (value: unknown) => string | undefined;

/** What guest code is handed: the id stays inside. */
class GuestTransaction implements Transaction {
  readonly #id: string;
  readonly query: Transaction['query'];
  readonly queryOne: Transaction['queryOne'];

  static {
    idOf = (value) => (typeof value === 'object' && value !== null && #id in value ? value.#id : undefined);
  }

  constructor(id: string, ask: Ask) {
    this.#id = id;
    this.query = async <Row>(sql: string, params?: readonly Json[]) =>
      (await ask('db.query', { sql, params, transaction: id })) as Result<Row>;
    this.queryOne = async <Row>(sql: string, params?: readonly Json[]) =>
      ((await ask('db.query', { sql, params, transaction: id })) as Result<Row>).rows[0] ?? null;
    freeze(this);
  }
}

/** `ctx.db.transaction`. */
export function inTransaction(ask: Ask): Database['transaction'] {
  return async (work) => {
    if (typeof work !== 'function') throw new GuestTypeError('a transaction is given a function');
    const { transaction } = (await ask('db.begin', {})) as { transaction: string };
    let result: Awaited<ReturnType<typeof work>>;
    try {
      result = await work(new GuestTransaction(transaction, ask));
    } catch (thrown) {
      await rollback(ask, transaction);
      throw thrown;
    }
    await ask('db.commit', { transaction });
    return result;
  };
}

/** @throws a TypeError when it is none */
export function transactionOf(value: unknown): string {
  const id = idOf(value);
  if (id === undefined) throw new GuestTypeError('the first argument is the transaction it belongs to');
  return id;
}

/** Why it is rolled back matters more than that it cannot be: it is over then too. */
async function rollback(ask: Ask, transaction: string): Promise<void> {
  try {
    await ask('db.rollback', { transaction });
  } catch {}
}
