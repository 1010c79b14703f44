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
