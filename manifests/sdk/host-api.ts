import type { Json } from '../json.ts';

/** Everything an extension can reach. One interface per capability family, nothing ambient. */
export interface Context {
  /** Who I am. */
  readonly extension: { readonly id: string; readonly version: string };
  /** The validated configuration, frozen. */
  readonly config: Readonly<Record<string, Json>>;
  /** The request this call belongs to; `null` in lifecycle calls, health checks and events without one. */
  readonly request: RequestInfo | null;
  readonly log: Log;
  /** Aborted when the host no longer waits for this call. */
  readonly signal: AbortSignalLike;
  readonly db: Database;
  readonly events: Events;
  readonly state: State;
  readonly http: Http;
  readonly files: Files;
}

export interface RequestInfo {
  readonly tenantId: string;
  readonly env: string;
  readonly principal: { readonly id: string; readonly name: string; readonly role: string } | null;
  readonly traceId: string;
}

/** The part of the platform's AbortSignal that exists in the sandbox. */
export interface AbortSignalLike {
  readonly aborted: boolean;
  readonly reason: unknown;
  addEventListener(type: 'abort', listener: () => void): void;
  removeEventListener(type: 'abort', listener: () => void): void;
  throwIfAborted(): void;
}

/** Structured log lines, kept by the host: `mag extension:logs`. */
export interface Log {
  debug(message: string, fields?: Record<string, unknown>): void;
  info(message: string, fields?: Record<string, unknown>): void;
  warn(message: string, fields?: Record<string, unknown>): void;
  error(message: string, fields?: Record<string, unknown>): void;
}

/** Needs `database.read`, `.write` or `.schema`, as the statement says. Its own schema is on the search path. */
export interface Database {
  /**
   * One statement with `$1` parameters.
   * @throws `E_SQL_SYNTAX`, `E_SQL_FORBIDDEN`, `E_CAP_REVOKED`, `E_CAP_SCOPE`, `E_DB`, `E_DB_TIMEOUT`
   */
  query<Row = Record<string, Json>>(
    sql: string,
    params?: readonly Json[],
  ): Promise<{ rows: Row[]; rowCount: number }>;
  /** The first row, or `null`. */
  queryOne<Row = Record<string, Json>>(sql: string, params?: readonly Json[]): Promise<Row | null>;
}

/** Needs `api.emit_events`. */
export interface Events {
  /**
   * Durable when it resolves. `type` must lie below `<publisher>.<name>.` and be named in the manifest.
   * @throws `E_EVENT_SCHEMA`, `E_EVENT_NAMESPACE`, `E_CAP_REVOKED`
   */
  publish(
    type: string,
    data: Json,
    options?: { eventId?: string },
  ): Promise<{ eventId: string; sequence: number }>;
}

/** A durable key-value space of the extension's own, one per tenant. Values are JSON up to 256 KiB. */
export interface State {
  get<Value = Json>(key: string): Promise<Value | null>;
  /** With the version that `compareAndSet` takes; version 0 and value `null` when the key does not exist. */
  getVersioned<Value = Json>(key: string): Promise<{ value: Value | null; version: number }>;
  /** @throws `E_STATE_QUOTA` */
  set(key: string, value: Json): Promise<{ version: number }>;
  delete(key: string): Promise<boolean>;
  list(options?: {
    prefix?: string;
    after?: string;
    limit?: number;
  }): Promise<{ key: string; value: Json; version: number }[]>;
  /** Writes only if the key still has `version` (0: does not exist). */
  compareAndSet(key: string, value: Json, version: number): Promise<{ swapped: boolean; version: number }>;
}

/** Needs `network.outbound` for the origin and the method; every redirect is checked again. */
export interface Http {
  /**
   * The same as the global `fetch`, on behalf of this call. Bodies are read whole: at most about 700 kB.
   * @throws `E_CAP_REVOKED`, `E_CAP_SCOPE`, `E_NET_FORBIDDEN`, `E_NET`, `E_LIMIT_OUTPUT`, `E_LIMIT_EGRESS`
   */
  fetch(url: string | { toString(): string }, init?: HttpInit): Promise<HttpResponse>;
}

export interface HttpInit {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>> | Iterable<readonly [name: string, value: string]>;
  readonly body?: string | ArrayBuffer | ArrayBufferView | null;
  /** `follow` when absent. */
  readonly redirect?: 'follow' | 'error' | 'manual';
  readonly signal?: AbortSignalLike | null;
}

/** The part of the platform's Response that exists in the sandbox. */
export interface HttpResponse {
  readonly status: number;
  readonly statusText: string;
  /** 200 to 299. */
  readonly ok: boolean;
  /** The one that answered, behind redirects. */
  readonly url: string;
  readonly redirected: boolean;
  readonly headers: HttpHeaders;
  text(): Promise<string>;
  json(): Promise<unknown>;
  arrayBuffer(): Promise<ArrayBuffer>;
}

export interface HttpHeaders {
  /** Values of one name are joined with a comma; `null` when there is none. */
  get(name: string): string | null;
  has(name: string): boolean;
  forEach(visit: (value: string, name: string) => void): void;
}

/**
 * Files below a folder of the extension's own. Needs `filesystem.read` or `.write`; below `temp/`, which is
 * emptied at every start, `filesystem.temp_only` is enough. Paths are relative, with `/` between names.
 * A file is at most 700 kB, all of them 64 MiB and 10,000 files and folders.
 */
export interface Files {
  /** @throws `E_NOT_FOUND`, `E_FILE_PATH`, `E_LIMIT_OUTPUT`, `E_CAP_REVOKED`, `E_FILE` */
  read(path: string): Promise<string>;
  /** The bytes, for a file that is not text. */
  readBytes(path: string): Promise<Uint8Array>;
  /**
   * Writes a file whole, with the folders it lies in: a reader sees the old content or the new, never half.
   * @throws `E_FILE_PATH`, `E_FILE_QUOTA`, `E_CAP_REVOKED`, `E_FILE`
   */
  write(path: string, content: string | Uint8Array): Promise<{ sizeBytes: number }>;
  /** One folder, sorted by name; the top one when absent. A page ends at `limit` (100), the next is `after` it. */
  list(path?: string, options?: { after?: string; limit?: number }): Promise<FileEntry[]>;
  /** A file, or a folder with all that is in it. False if there was nothing. */
  remove(path: string): Promise<boolean>;
  /** A path below `temp/` that nobody has; nothing is there yet. */
  temp(suffix?: string): Promise<string>;
}

export interface FileEntry {
  readonly name: string;
  readonly kind: 'file' | 'folder';
  /** 0 for a folder. */
  readonly sizeBytes: number;
  /** ISO 8601. */
  readonly modifiedAt: string;
}
