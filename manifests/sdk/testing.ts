import type { Json } from '../json.ts';
import type { AbortSignalLike, Context, FileEntry, Files, Log, RequestInfo, State } from './host-api.ts';

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

/** Files in a map. What is written as text can be read as text, what is written as bytes as bytes. */
function recordingFiles(record: (name: string, ...args: unknown[]) => void): Files {
  const files = new Map<string, string | Uint8Array>();
  const lookUp = (path: string) => {
    const content = files.get(path);
    if (content === undefined)
      throw Object.assign(new Error('there is no such file'), { code: 'E_NOT_FOUND' });
    return content;
  };
  let temps = 0;
  return {
    read: async (path) => {
      record('files.read', path);
      return lookUp(path) as string;
    },
    readBytes: async (path) => {
      record('files.readBytes', path);
      return lookUp(path) as Uint8Array;
    },
    write: async (path, content) => {
      record('files.write', path, content);
      files.set(path, content);
      return { sizeBytes: content.length };
    },
    list: async (path = '', { after = '', limit = 100 } = {}) => {
      record('files.list', path, { after, limit });
      return entriesIn(files, path === '' ? '' : `${path}/`)
        .filter(({ name }) => name > after)
        .slice(0, limit);
    },
    remove: async (path) => {
      record('files.remove', path);
      const gone = [...files.keys()].filter((key) => key === path || key.startsWith(`${path}/`));
      for (const key of gone) files.delete(key);
      return gone.length > 0;
    },
    temp: async (suffix = '') => {
      record('files.temp', suffix);
      temps += 1;
      return `temp/${temps}${suffix}`;
    },
  };
}

function entriesIn(files: ReadonlyMap<string, string | Uint8Array>, prefix: string): FileEntry[] {
  const entries = new Map<string, FileEntry>();
  for (const [path, content] of files) {
    if (!path.startsWith(prefix)) continue;
    const [name = '', ...rest] = path.slice(prefix.length).split('/');
    const kind = rest.length > 0 ? 'folder' : 'file';
    const sizeBytes = kind === 'file' ? content.length : 0;
    entries.set(name, { name, kind, sizeBytes, modifiedAt: '2026-01-01T00:00:00.000Z' });
  }
  return [...entries.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
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
