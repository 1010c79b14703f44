import { Worker } from 'node:worker_threads';
import { MagError } from '../../kernel/errors.ts';
import type { Code } from '../../manifests/catalog/index.ts';
import { CALLS } from '../../manifests/protocol/calls.ts';
import type { Analysis, SqlGate } from './sql-gate.ts';

/** To the thread. */
export interface Question {
  readonly id: number;
  readonly sql: string;
  readonly ownSchema: string;
}

/** From the thread. */
export type Finding = { readonly id: number } & (
  | { readonly analysis: Analysis }
  | { readonly code: Code; readonly message: string }
  /** What is no refusal: a stack, for the log of the host. */
  | { readonly fault: string }
);

const PROGRAM = new URL('./reading-thread-program.ts', import.meta.url);

/**
 * Reads statements on a thread of its own, one after the other: a long one keeps the parser busy for some hundred
 * milliseconds, in which the host must go on serving (spec 07). Started with the first statement.
 */
export class ReadingThread implements SqlGate, AsyncDisposable {
  readonly #waiting = new Map<number, PromiseWithResolvers<Analysis>>();
  #worker: Worker | null = null;
  #lastId = 0;
  #isOver = false;
  readonly #deadlineMs: number;

  /** @param deadlineMs that a statement waits at most. Default: that of the call it belongs to */
  constructor(deadlineMs: number = CALLS['db.query'].deadlineMs) {
    this.#deadlineMs = deadlineMs;
  }

  /** @throws also `E_DB_TIMEOUT` when others took too long before it, `E_SHUTDOWN` */
  async analyse(sql: string, ownSchema: string): Promise<Analysis> {
    if (this.#isOver) throw shuttingDown();
    this.#worker ??= this.#start();
    const id = ++this.#lastId;
    const finding = Promise.withResolvers<Analysis>();
    this.#waiting.set(id, finding);
    const late = new MagError('E_DB_TIMEOUT', 'The statement was not read in time.');
    const timer = setTimeout(() => finding.reject(late), this.#deadlineMs);
    this.#worker.postMessage({ id, sql, ownSchema } satisfies Question);
    try {
      return await finding.promise;
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(id);
    }
  }

  /** Statements that wait fail with `E_SHUTDOWN`. Idempotent. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    this.#rejectAll(shuttingDown());
    await this.#worker?.terminate();
  }

  #start(): Worker {
    const worker = new Worker(PROGRAM, { env: {}, execArgv: [] });
    worker.unref();
    worker.on('message', (finding: Finding) => this.#settle(finding));
    // The next statement gets a new thread.
    worker.once('error', (cause) => this.#lose(worker, cause));
    worker.once('exit', () => this.#lose(worker, new Error('the thread ended')));
    return worker;
  }

  #settle(finding: Finding): void {
    const waiting = this.#waiting.get(finding.id);
    if ('analysis' in finding) waiting?.resolve(finding.analysis);
    else if ('fault' in finding) waiting?.reject(new Error(finding.fault));
    else waiting?.reject(new MagError(finding.code, finding.message));
  }

  #lose(worker: Worker, cause: unknown): void {
    if (this.#worker !== worker) return;
    this.#worker = null;
    this.#rejectAll(new Error('the thread that reads statements was lost', { cause }));
  }

  #rejectAll(error: Error): void {
    for (const { reject } of this.#waiting.values()) reject(error);
  }
}

function shuttingDown(): MagError {
  return new MagError('E_SHUTDOWN', 'The host is shutting down.');
}
