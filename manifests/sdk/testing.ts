import type { Json } from '../json.ts';
import type {
  AbortSignalLike,
  Context,
  HttpInit,
  Log,
  ProjectDatabase,
  RequestInfo,
  Transaction,
} from './host-api.ts';
import { recordingFiles } from './recording-files.ts';
import { type PlayedResponse, recordingHttp } from './recording-http.ts';
import { recordingSecrets } from './recording-secrets.ts';
import { recordingAuth, recordingKeys, recordingMetrics, recordingRealtime } from './recording-services.ts';
import { recordingState, recordingStores } from './recording-stores.ts';

export { createEvent, createInvocation, createJob, createRequest } from './recording-inputs.ts';

/** A call that an extension made on its context. */
export interface RecordedCall {
  /** `db.query`, `events.publish`, `state.set`, `log.info`, … */
  readonly name: string;
  readonly args: readonly unknown[];
}

export interface ContextOptions {
  readonly extension?: { readonly id: string; readonly version: string };
  readonly config?: Record<string, Json>;
  readonly request?: RequestInfo | null;
  readonly caller?: string | null;
  /** What `db.query` answers; by default no rows. Throw from it to play an error of the host. */
  readonly query?: (
    sql: string,
    params: readonly Json[],
  ) => { rows: Record<string, Json>[]; rowCount?: number };
  /** What `http.fetch` answers; by default 200 and nothing. Throw from it to play an error of the host. */
  readonly fetch?: (url: string, init: HttpInit) => PlayedResponse;
  /** What methods of other extensions answer; by default `null`. Throw from it to play an error. */
  readonly call?: (extension: string, method: string, params: Json) => Json;
  /** What `secrets.get` answers, by name. Others are missing. */
  readonly secrets?: Readonly<Record<string, string>>;
  /** Names of the keys there are. Signatures are made up, and verify in this context only. */
  readonly keys?: readonly string[];
  /** Ids of those who are in a channel, by its name. */
  readonly presence?: Readonly<Record<string, readonly string[]>>;
}

/** A context for unit tests: it remembers every call, and its state is a plain map. It needs no host. */
export interface RecordingContext extends Context {
  readonly calls: readonly RecordedCall[];
  /** Aborts `signal`, as the host does when it no longer waits. */
  abort(reason?: unknown): void;
}

/** A context that does nothing and answers with nothing. */
export function createNoopContext(options: ContextOptions = {}): Context {
  return createRecordingContext(options);
}

export function createRecordingContext(options: ContextOptions = {}): RecordingContext {
  const { extension = { id: 'test/extension', version: '0.0.0' }, config = {} } = options;
  const { request = null, caller = null } = options;
  const calls: RecordedCall[] = [];
  const record = (name: string, ...args: unknown[]) => void calls.push({ name, args });
  const { signal, abort } = createSignal();
  const query: Context['db']['query'] = async <Row>(sql: string, params: readonly Json[] = []) => {
    record('db.query', sql, params);
    const { rows, rowCount = rows.length } = options.query?.(sql, params) ?? { rows: [] };
    return { rows: rows as Row[], rowCount };
  };
  const queryOne: Context['db']['queryOne'] = async (sql, params) =>
    (await query<never>(sql, params)).rows[0] ?? null;
  let sequence = 0;
  return {
    calls,
    abort,
    signal,
    extension,
    config,
    request,
    caller,
    log: recordingLog(record),
    db: {
      query,
      queryOne,
      transaction: recordingTransaction(record, { query, queryOne }),
      ...recordingDatabases(record),
    },
    events: {
      publishInTransaction: async (_tx, type, data, publishing = {}) => {
        record('events.publishInTransaction', type, data, publishing);
        sequence += 1;
        return { eventId: publishing.eventId ?? `event-${sequence}` };
      },
      publish: async (type, data, publishing = {}) => {
        record('events.publish', type, data, publishing);
        sequence += 1;
        return { eventId: publishing.eventId ?? `event-${sequence}`, sequence };
      },
    },
    state: recordingState(record),
    stores: recordingStores(record),
    http: recordingHttp(record, options.fetch),
    files: recordingFiles(record),
    jobs: recordingJobs(record),
    realtime: recordingRealtime(record, options.presence),
    extensions: {
      call: async <Result>(id: string, method: string, params?: Json) => {
        record('extensions.call', id, method, params);
        return (options.call?.(id, method, params ?? null) ?? null) as Result;
      },
    },
    metrics: recordingMetrics(record),
    secrets: recordingSecrets(record, options.secrets),
    keys: recordingKeys(record, options.keys),
    auth: recordingAuth(record),
  };
}

/** Statements are recorded as those outside of one, between `db.begin` and `db.commit` or `db.rollback`. */
function recordingTransaction(
  record: (name: string, ...args: unknown[]) => void,
  tx: Transaction,
): Context['db']['transaction'] {
  return async (work) => {
    record('db.begin');
    try {
      const result = await work(tx);
      record('db.commit');
      return result;
    } catch (thrown) {
      record('db.rollback');
      throw thrown;
    }
  };
}

/** Those that were made, in the project that was named, else `default`. */
function recordingDatabases(
  record: (name: string, ...args: unknown[]) => void,
): Pick<Context['db'], 'createDatabase' | 'listDatabases'> {
  const made: ProjectDatabase[] = [];
  return {
    createDatabase: async ({ name, project = 'default' }) => {
      record('db.createDatabase', { name, project });
      const database = { project, name, createdAt: '1970-01-01T00:00:00.000Z' };
      made.push(database);
      return database;
    },
    listDatabases: async () => {
      record('db.listDatabases');
      return [...made];
    },
  };
}

function recordingLog(record: (name: string, ...args: unknown[]) => void): Log {
  const level = (name: string) => (message: string, fields?: Record<string, unknown>) =>
    record(name, message, fields);
  return {
    debug: level('log.debug'),
    info: level('log.info'),
    warn: level('log.warn'),
    error: level('log.error'),
  };
}

/** Every job waits, and stays what it is. */
function recordingJobs(record: (name: string, ...args: unknown[]) => void): Context['jobs'] {
  let number = 0;
  return {
    enqueue: async (job, payload, options = {}) => {
      record('jobs.enqueue', job, payload, options);
      number += 1;
      return { id: `job-${number}`, existing: false };
    },
    cancel: async (id) => {
      record('jobs.cancel', id);
      return true;
    },
    status: async (id) => {
      record('jobs.status', id);
      return null;
    },
    schedule: async (name, schedule) => {
      record('jobs.schedule', name, schedule);
      return { nextAt: new Date(0).toISOString() };
    },
    unschedule: async (name) => {
      record('jobs.unschedule', name);
      return true;
    },
  };
}

function createSignal(): { signal: AbortSignalLike; abort: (reason?: unknown) => void } {
  const listeners = new Set<() => void>();
  const state: { aborted: boolean; reason: unknown } = { aborted: false, reason: undefined };
  const signal: AbortSignalLike = {
    get aborted() {
      return state.aborted;
    },
    get reason() {
      return state.reason;
    },
    addEventListener: (_type, listener) => void listeners.add(listener),
    removeEventListener: (_type, listener) => void listeners.delete(listener),
    throwIfAborted: () => {
      if (state.aborted) throw state.reason;
    },
  };
  const abort = (reason: unknown = new Error('aborted')) => {
    if (state.aborted) return;
    state.aborted = true;
    state.reason = reason;
    for (const listener of listeners) listener();
  };
  return { signal, abort };
}
