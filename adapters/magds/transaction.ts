import { randomUUID } from 'node:crypto';
import type { PoolClient } from 'pg';
import { MagError } from '../../kernel/errors.ts';
import type { Transaction, TransactionState } from '../../kernel/ports.ts';
import type { Json } from '../../manifests/json.ts';
import { abortError, Cancelling, lostError, queryError, rolledBack } from './cancelling.ts';
import type { HostConnection } from './host-connection.ts';
import { execute } from './query.ts';
import { serverValue } from './query-params.ts';
import type { QueryResult } from './result-reader.ts';

/** Milliseconds for a statement of the host's own, and for a commit. */
const STATEMENT_MS = 5_000;

/** A connection of an extension, for statements of the host's own. */
export interface OwnConnection {
  /** One statement with `$1` parameters. @throws `E_STORAGE` with the error of `pg` as its cause, `E_DB_TIMEOUT` */
  query<Row extends object>(text: string, values?: readonly unknown[]): Promise<Row[]>;
}

/** What the host does in its own schema on a connection of an extension, by functions that go by its role. */
export interface HostSide {
  readonly state: (own: OwnConnection) => TransactionState;
  readonly publish: (own: OwnConnection, event: Parameters<Transaction['publish']>[0]) => Promise<void>;
  readonly take: (own: OwnConnection, place: Parameters<Transaction['take']>[0]) => Promise<boolean>;
}

export interface TransactionOptions {
  readonly host: HostConnection;
  readonly client: PoolClient;
  readonly side: HostSide;
  /** Milliseconds until it is rolled back whoever holds it. */
  readonly maxMs: number;
  /** The connection was given back. */
  readonly onOver: () => void;
}

/** One connection of an extension from when it is taken out of the pool to when it is back. */
export class ExtensionTransaction implements Transaction {
  readonly id = randomUUID();
  readonly #options: TransactionOptions;
  readonly #end = new AbortController();
  readonly #timer: NodeJS.Timeout;
  #turn: Promise<unknown> = Promise.resolve();
  #over: MagError | null = null;

  constructor(options: TransactionOptions) {
    this.#options = options;
    options.client.on('error', this.#lost);
    this.#timer = setTimeout(() => void this.rollback(tooLong()), options.maxMs);
  }

  /** A statement the gate has read. @throws `E_DB`, `E_DB_TIMEOUT`, `E_LIMIT_OUTPUT`, `E_PARAMS`, `E_STORAGE` */
  query(sql: string, params: readonly Json[], signal: AbortSignal, deadlineMs: number): Promise<QueryResult> {
    const values = params.map((param) => serverValue(param));
    return this.run(signal, deadlineMs, (client) => execute(client, sql, values));
  }

  /**
   * Runs one statement behind all that were asked for before. One whose time is over ends the transaction: what
   * it would have done is not known.
   */
  run<Result>(
    signal: AbortSignal,
    deadlineMs: number,
    work: (client: PoolClient) => Promise<Result>,
  ): Promise<Result> {
    const ended = AbortSignal.any([signal, AbortSignal.timeout(deadlineMs), this.#end.signal]);
    const done = this.#turn.then(() => this.#work(ended, work));
    this.#turn = done.catch(ignore);
    return done;
  }

  async commit(): Promise<void> {
    try {
      await this.run(new AbortController().signal, STATEMENT_MS, commit);
      this.#finish(isOver(), false);
    } catch (failure) {
      await this.rollback();
      throw failure;
    }
  }

  async rollback(reason = isOver()): Promise<void> {
    if (this.#over !== null) return;
    this.#end.abort(reason); // ends what is being done
    const { client } = this.#options;
    const done = this.#turn.then(async () => {
      if (this.#over === null) this.#finish(reason, !(await rolledBack(client)));
    });
    this.#turn = done;
    await done;
  }

  publish(event: Parameters<Transaction['publish']>[0], signal: AbortSignal): Promise<void> {
    return this.#options.side.publish(this.#own(signal), event);
  }

  take(place: Parameters<Transaction['take']>[0], signal: AbortSignal): Promise<boolean> {
    return this.#options.side.take(this.#own(signal), place);
  }

  state(signal: AbortSignal): TransactionState {
    return this.#options.side.state(this.#own(signal));
  }

  #own(signal: AbortSignal): OwnConnection {
    return {
      query: <Row extends object>(text: string, values: readonly unknown[] = []) =>
        this.run(signal, STATEMENT_MS, (client) => client.query(text, [...values])).then(
          ({ rows }) => rows as Row[],
          (failure: unknown) => {
            throw ownError(failure);
          },
        ),
    };
  }

  async #work<Result>(ended: AbortSignal, work: (client: PoolClient) => Promise<Result>): Promise<Result> {
    const { host, client } = this.#options;
    if (this.#over !== null) throw this.#over;
    if (ended.aborted) throw this.#finish(abortError(ended), true);
    const cancelling = new Cancelling(host, client, ended);
    try {
      return await work(client);
    } catch (thrown) {
      const error = queryError(thrown, ended);
      if (error.code === 'E_STORAGE') this.#finish(error, true);
      throw error;
    } finally {
      if (await cancelling.finish()) this.#finish(abortError(ended), true);
    }
  }

  /** Gives the connection back; what is closed is rolled back by the server. */
  #finish(reason: MagError, closes: boolean): MagError {
    if (this.#over !== null) return this.#over;
    this.#over = reason;
    clearTimeout(this.#timer);
    const { client, onOver } = this.#options;
    client.off('error', this.#lost);
    client.release(closes);
    onOver();
    return reason;
  }

  /** While nothing is being done: the server ended it, for having been idle for too long above all. */
  readonly #lost = (cause: Error): void => void this.#finish(lostError(cause), true);
}

async function commit(client: PoolClient): Promise<void> {
  // In a transaction that failed COMMIT succeeds, and rolls back.
  const { command } = await client.query('COMMIT');
  if (command === 'COMMIT') return;
  throw new MagError('E_DB', '25P02: a statement of the transaction failed, so nothing of it was kept');
}

/** A statement of the host's own that is refused is no fault of the extension's SQL. */
function ownError(failure: unknown): unknown {
  if (!(failure instanceof MagError) || failure.code !== 'E_DB') return failure;
  const { cause } = failure;
  return new MagError('E_STORAGE', 'The database refused a statement of the host.', { cause });
}

function isOver(): MagError {
  return new MagError('E_PARAMS', 'The transaction is over.');
}

function tooLong(): MagError {
  return new MagError('E_DB_TIMEOUT', 'The transaction took too long and was rolled back.');
}

function ignore(): void {}
