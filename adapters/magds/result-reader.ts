import type { Connection, Submittable } from 'pg';
import { MagError } from '../../kernel/errors.ts';
import type { Json } from '../../manifests/json.ts';
import { jsonValue } from './json-values.ts';

/** Rows of one result. */
export const MAX_ROWS = 10_000;
/** One result as JSON, which leaves room for the frame it travels in. */
export const MAX_RESULT_BYTES = 900_000;
/** Rows asked for at a time: between two portions nothing more is on its way. */
const PORTION = 500;
/** What may arrive for one statement before the connection is cut: a single value can be a gigabyte. */
const MAX_WIRE_BYTES = 8 * MAX_RESULT_BYTES;

export interface QueryResult {
  readonly rows: Record<string, Json>[];
  /** Rows returned, or changed by a statement that returns none. */
  readonly rowCount: number;
}

interface Field {
  readonly name: string;
  readonly dataTypeID: number;
}

/** The part of `pg`'s connection a query drives; its types omit what the protocol needs. */
interface Wire {
  parse(message: { text: string; name: string; types: number[] }): void;
  bind(message: {
    portal: string;
    statement: string;
    values: unknown[];
    valueMapper: (v: unknown) => unknown;
  }): void;
  describe(message: { type: 'P'; name: string }): void;
  execute(message: { portal: string; rows: number }): void;
  flush(): void;
  sync(): void;
  readonly stream: NodeJS.EventEmitter & { destroy(): void };
}

/**
 * One statement in the extended protocol, which carries one statement only, read in portions. Rows become
 * JSON as they arrive, and reading stops at the limits: the host never holds more than they allow.
 */
export class ResultReader implements Submittable {
  readonly #sql: string;
  readonly #values: unknown[];
  readonly #done = Promise.withResolvers<QueryResult>();
  readonly #rows: Record<string, Json>[] = [];
  #fields: readonly Field[] = [];
  #rowCount = 0;
  #bytes = 2;
  #wireBytes = 0;
  #failure: unknown;
  #wire: Wire | null = null;

  constructor(sql: string, values: unknown[]) {
    this.#sql = sql;
    this.#values = values;
  }

  /** @throws `E_LIMIT_OUTPUT`, `E_PARAMS`, or what `pg` throws */
  get result(): Promise<QueryResult> {
    return this.#done.promise;
  }

  submit(connection: Connection): Error | null {
    const wire = connection as unknown as Wire;
    this.#wire = wire;
    wire.stream.on('data', this.#count);
    wire.parse({ text: this.#sql, name: '', types: [] });
    wire.bind({ portal: '', statement: '', values: this.#values, valueMapper: (value) => value });
    wire.describe({ type: 'P', name: '' });
    this.#askForRows(wire);
    return null;
  }

  // What follows is called by pg, for each message of the server.

  handleRowDescription(message: { fields: readonly Field[] }): void {
    this.#fields = message.fields;
  }

  handleDataRow(message: { fields: readonly (string | null)[] }): void {
    if (this.#failure !== undefined) return;
    try {
      this.#addRow(message.fields);
    } catch (thrown) {
      this.#failure = thrown;
    }
  }

  handlePortalSuspended(connection: Wire): void {
    if (this.#failure === undefined) this.#askForRows(connection);
    else connection.sync();
  }

  handleCommandComplete(message: { text: string }, connection: Wire): void {
    const affected = / (\d+)$/.exec(message.text)?.[1];
    this.#rowCount = this.#fields.length > 0 ? this.#rows.length : Number(affected ?? 0);
    connection.sync();
  }

  handleEmptyQuery(connection: Wire): void {
    connection.sync();
  }

  handleError(error: unknown, connection: Wire): void {
    this.#failure ??= error;
    // A server in an error reads up to the next sync; pg tells nobody else when it is ready again.
    connection.sync();
    this.#settle();
  }

  handleReadyForQuery(): void {
    this.#settle();
  }

  handleCopyInResponse(connection: { sendCopyFail(reason: string): void }): void {
    connection.sendCopyFail('not available');
  }

  handleCopyData(): void {
    this.#failure ??= new MagError('E_SQL_FORBIDDEN', 'COPY is not available.');
  }

  #askForRows(wire: Wire): void {
    wire.execute({ portal: '', rows: PORTION });
    wire.flush();
  }

  #addRow(values: readonly (string | null)[]): void {
    if (this.#rows.length >= MAX_ROWS) {
      throw new MagError('E_LIMIT_OUTPUT', `A result has at most ${MAX_ROWS} rows; use LIMIT.`);
    }
    // No prototype: the extension names the columns.
    const row: Record<string, Json> = Object.create(null);
    for (const [index, { name, dataTypeID }] of this.#fields.entries()) {
      const text = values[index] ?? null;
      row[name] = text === null ? null : jsonValue(dataTypeID, text);
    }
    this.#bytes += Buffer.byteLength(JSON.stringify(row)) + 1;
    if (this.#bytes > MAX_RESULT_BYTES) throw tooLarge();
    this.#rows.push(row);
  }

  readonly #count = (chunk: Buffer): void => {
    this.#wireBytes += chunk.length;
    if (this.#wireBytes <= MAX_WIRE_BYTES) return;
    this.#failure ??= tooLarge();
    this.#wire?.stream.destroy();
  };

  #settle(): void {
    this.#wire?.stream.off('data', this.#count);
    if (this.#failure === undefined) this.#done.resolve({ rows: this.#rows, rowCount: this.#rowCount });
    else this.#done.reject(this.#failure);
  }
}

function tooLarge(): MagError {
  return new MagError('E_LIMIT_OUTPUT', `A result is at most ${MAX_RESULT_BYTES} bytes as JSON; use LIMIT.`);
}
