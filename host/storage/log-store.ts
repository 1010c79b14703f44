import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger, LogLine, LogStore } from '../../kernel/ports.ts';
import { storableText } from '../../manifests/storable-text.ts';
import type { Database } from './database.ts';
import { isContentError } from './database-errors.ts';

const FLUSH_MS = 400;
/** Lines written in one statement; as many waiting start one at once. */
const BATCH_LINES = 500;
const MAX_WAITING_LINES = 10_000;
/** In a row: then a batch is given up. */
const MAX_FAILURES = 3;
/** An extension is trimmed again after it wrote this many more lines. */
const TRIM_EVERY_LINES = 1_000;

export interface LogStoreOptions {
  /** Lines kept of each extension. Default 10,000. */
  readonly keepLines?: number;
}

/** A line with its fields as the JSON that will be stored. */
interface WaitingLine extends Omit<LogLine, 'fields'> {
  readonly fields: string;
}

/** Logs of extensions, written in batches so that a chatty extension costs the host little. */
export interface BufferedLogStore extends LogStore {
  /** Writes what waits, and takes nothing more. Idempotent. */
  close(): Promise<void>;
}

export function createLogStore(
  database: Database,
  logger: Logger,
  options: LogStoreOptions = {},
): BufferedLogStore {
  return new PostgresLogStore(database, logger, options.keepLines ?? 10_000);
}

class PostgresLogStore implements BufferedLogStore {
  readonly #database: Database;
  readonly #logger: Logger;
  readonly #keepLines: number;
  #waiting: WaitingLine[] = [];
  readonly #dropped = new Map<LogLine['extension'], number>();
  readonly #untrimmed = new Map<LogLine['extension'], number>();
  #flushing: Promise<void> | null = null;
  #timer: NodeJS.Timeout | null = null;
  #closed = false;

  constructor(database: Database, logger: Logger, keepLines: number) {
    this.#database = database;
    this.#logger = logger;
    this.#keepLines = keepLines;
  }

  write(line: LogLine): void {
    if (this.#closed) return;
    const fields = encode(line.fields);
    if (fields === null || this.#waiting.length >= MAX_WAITING_LINES) {
      this.#dropped.set(line.extension, (this.#dropped.get(line.extension) ?? 0) + 1);
    } else {
      this.#waiting.push({ ...line, fields });
    }
    if (this.#waiting.length >= BATCH_LINES) void this.flush();
    else this.#timer ??= setTimeout(() => void this.flush(), FLUSH_MS);
  }

  async read(
    extension: LogLine['extension'],
    options: { after?: number; limit: number },
  ): Promise<(LogLine & { id: number })[]> {
    // Without a place to go on from: the newest ones.
    const newest = options.after === undefined;
    const rows = await this.#database.query<LogLine & { id: number }>(
      `SELECT id, at, extension, level, message, fields, trace_id AS "traceId" FROM mag.logs
       WHERE extension = $1 AND id > $2 ORDER BY id ${newest ? 'DESC' : 'ASC'} LIMIT $3`,
      [extension, options.after ?? 0, options.limit],
    );
    return newest ? rows.reverse() : rows;
  }

  flush(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    // One under way goes on until nothing waits, so it also writes the lines of whoever asks now.
    this.#flushing ??= this.#drain();
    return this.#flushing;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.flush();
  }

  async #drain(): Promise<void> {
    // Lets the caller note that a flush is under way.
    await Promise.resolve();
    try {
      let failures = 0;
      while (failures < MAX_FAILURES && (this.#waiting.length > 0 || this.#dropped.size > 0))
        failures = await this.#writeBatch(failures);
    } finally {
      // In the same moment: the flush of a line that comes now is another one.
      this.#flushing = null;
    }
  }

  /** @returns how often it failed in a row */
  async #writeBatch(before: number): Promise<number> {
    const batch = [...this.#takeDropped(), ...this.#waiting.splice(0, BATCH_LINES)];
    try {
      await this.#write(batch);
    } catch (error) {
      const failures = before + 1;
      this.#logger.warn({ err: error, lines: batch.length }, 'logs of extensions could not be written');
      if (failures === MAX_FAILURES) return failures;
      this.#waiting = [...batch, ...this.#waiting].slice(0, MAX_WAITING_LINES);
      await sleep(100 * failures);
      return failures;
    }
    await this.#trim(batch).catch((error: unknown) => {
      this.#logger.warn({ err: error }, 'old logs of extensions could not be removed');
    });
    return 0;
  }

  *#takeDropped(): Generator<WaitingLine> {
    const dropped = [...this.#dropped];
    this.#dropped.clear();
    for (const [extension, count] of dropped) {
      const message = `${count} log lines were dropped: they came faster than they could be written`;
      const fields = JSON.stringify({ dropped: count });
      yield { at: new Date(), extension, level: 'warn', message, fields, traceId: null };
    }
  }

  async #write(lines: readonly WaitingLine[]): Promise<void> {
    try {
      await this.#insert(lines);
    } catch (error) {
      if (!isContentError(error)) throw error;
      if (lines.length === 1) {
        this.#logger.warn({ err: error, extension: lines[0]?.extension }, 'a log line cannot be stored');
        return;
      }
      // One line that Postgres refuses must not take the others with it.
      for (const line of lines) await this.#write([line]);
    }
  }

  async #insert(lines: readonly WaitingLine[]): Promise<void> {
    await this.#database.query(
      `INSERT INTO mag.logs (at, extension, level, message, fields, trace_id)
       SELECT * FROM unnest($1::timestamptz[], $2::text[], $3::text[], $4::text[], $5::json[], $6::text[])`,
      [
        lines.map((line) => line.at.toISOString()),
        lines.map((line) => line.extension),
        lines.map((line) => line.level),
        lines.map((line) => storableText(line.message)),
        lines.map((line) => line.fields),
        lines.map((line) => (line.traceId === null ? null : storableText(line.traceId))),
      ],
    );
  }

  async #trim(written: readonly WaitingLine[]): Promise<void> {
    for (const { extension } of written) {
      this.#untrimmed.set(extension, (this.#untrimmed.get(extension) ?? TRIM_EVERY_LINES) + 1);
    }
    for (const extension of new Set(written.map((line) => line.extension))) {
      if ((this.#untrimmed.get(extension) ?? 0) < TRIM_EVERY_LINES) continue;
      this.#untrimmed.set(extension, 0);
      await this.#database.query(
        `DELETE FROM mag.logs WHERE extension = $1 AND id <= (
           SELECT id FROM mag.logs WHERE extension = $1 ORDER BY id DESC OFFSET $2 LIMIT 1)`,
        [extension, this.#keepLines],
      );
    }
  }
}

/** `null` for what is no JSON. */
function encode(fields: LogLine['fields']): string | null {
  try {
    return JSON.stringify(fields);
  } catch {
    return null;
  }
}
