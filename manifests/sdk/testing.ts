import type { Json } from '../json.ts';
import type { AbortSignalLike, Context, HttpInit, Log, RequestInfo, State } from './host-api.ts';
import { recordingFiles } from './recording-files.ts';
import { type PlayedResponse, recordingHttp } from './recording-http.ts';

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
  /** What `db.query` answers; by default no rows. Throw from it to play an error of the host. */
  readonly query?: (
    sql: string,
    params: readonly Json[],
  ) => { rows: Record<string, Json>[]; rowCount?: number };
  /** What `http.fetch` answers; by default 200 and nothing. Throw from it to play an error of the host. */
  readonly fetch?: (url: string, init: HttpInit) => PlayedResponse;
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
  const { extension = { id: 'test/extension', version: '0.0.0' }, config = {}, request = null } = options;
  const calls: RecordedCall[] = [];
  const record = (name: string, ...args: unknown[]) => void calls.push({ name, args });
  const { signal, abort } = createSignal();
  const query: Context['db']['query'] = async <Row>(sql: string, params: readonly Json[] = []) => {
    record('db.query', sql, params);
    const { rows, rowCount = rows.length } = options.query?.(sql, params) ?? { rows: [] };
    return { rows: rows as Row[], rowCount };
  };
  let sequence = 0;
  return {
    calls,
    abort,
    signal,
    extension,
    config,
    request,
    log: recordingLog(record),
    db: { query, queryOne: async (sql, params) => (await query<never>(sql, params)).rows[0] ?? null },
    events: {
      publish: async (type, data, publishing = {}) => {
        record('events.publish', type, data, publishing);
        sequence += 1;
        return { eventId: publishing.eventId ?? `event-${sequence}`, sequence };
      },
    },
    state: recordingState(record),
    http: recordingHttp(record, options.fetch),
    files: recordingFiles(record),
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

function recordingState(record: (name: string, ...args: unknown[]) => void): State {
  const entries = new Map<string, { value: Json; version: number }>();
  const write = (key: string, value: Json) => {
    const version = (entries.get(key)?.version ?? 0) + 1;
    entries.set(key, { value, version });
    return { version };
  };
  return {
    get: async <Value>(key: string) => {
      record('state.get', key);
      return (entries.get(key)?.value ?? null) as Value | null;
    },
    getVersioned: async <Value>(key: string) => {
      record('state.getVersioned', key);
      const { value = null, version = 0 } = entries.get(key) ?? {};
      return { value: value as Value | null, version };
    },
    set: async (key, value) => {
      record('state.set', key, value);
      return write(key, value);
    },
    delete: async (key) => {
      record('state.delete', key);
      return entries.delete(key);
    },
    list: async ({ prefix = '', after = '', limit = 100 } = {}) => {
      record('state.list', { prefix, after, limit });
      const keys = [...entries.keys()].filter((key) => key.startsWith(prefix) && key > after).sort();
      return keys.slice(0, limit).flatMap((key) => {
        const entry = entries.get(key);
        return entry === undefined ? [] : [{ key, ...entry }];
      });
    },
    compareAndSet: async (key, value, version) => {
      record('state.compareAndSet', key, value, version);
      const present = entries.get(key)?.version ?? 0;
      if (present !== version) return { swapped: false, version: present };
      return { swapped: true, ...write(key, value) };
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
