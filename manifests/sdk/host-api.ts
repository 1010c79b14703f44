// biome-ignore-all lint/style/noExcessiveLinesPerFile: the contract of authors in one place: types only, and more docstring than type
import type { Json, JsonObject } from '../json.ts';
import type { DeclaredOf } from './declared.ts';
import type { Secrets } from './secrets.ts';

/**
 * Everything an extension can reach. One interface per capability family, nothing ambient. Members are made when they
 * are asked for: `const { db } = ctx` takes one, `{ ...ctx }` copies none.
 */
export interface Context {
  /** Who I am. */
  readonly extension: { readonly id: string; readonly version: string };
  /** The validated configuration, frozen. */
  readonly config: Readonly<Record<string, Json>>;
  /**
   * The request this call belongs to. In the handler of an event, what is known of the one the event came from: its
   * principal has no role there. `null` in lifecycle calls, health checks and events of no tenant.
   */
  readonly request: RequestInfo | null;
  /** The extension that called a method exported to it; `null` in every other call. */
  readonly caller: string | null;
  readonly log: Log;
  /** Aborted when the host no longer waits for this call. */
  readonly signal: AbortSignalLike;
  readonly db: Database;
  readonly events: Events;
  readonly state: State;
  readonly stores: Stores;
  readonly http: Http;
  readonly files: Files;
  readonly extensions: Extensions;
  readonly jobs: Jobs;
  readonly realtime: Realtime;
  readonly metrics: Metrics;
  readonly secrets: Secrets;
  readonly keys: Keys;
  readonly auth: Auth;
}

/** Made by the host: nothing in it is taken from a body, or from an extension. */
export interface RequestInfo {
  readonly tenantId: string;
  readonly env: string;
  readonly principal: { readonly id: string; readonly name: string; readonly role: string } | null;
  /** What the principal is in the tenant; `null` without one, and in the handlers of events. */
  readonly membership: { readonly tenantId: string; readonly roles: readonly string[] } | null;
  /** From `X-Surface-Id`, `X-App-Id` and `X-Project-Id`; absent when the caller named none. */
  readonly surfaceId?: string;
  readonly appId?: string;
  readonly projectId?: string;
  /** How the tenant is run; `null` while nobody says. */
  readonly mode: string | null;
  /** W3C Trace Context: 32 hex digits. */
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
  /**
   * Runs `work` in one transaction on one connection: it commits when `work` returns, and rolls back when it
   * throws, which is thrown on. It is over with the call in any case, at the latest after 30 s, and when 15 s
   * pass without a statement. One at a time in a call; `ctx.db.query` and `ctx.state` are no part of it.
   * @throws `E_PARAMS` when this call is in a transaction already, `E_DB_TIMEOUT`, `E_CAP_REVOKED`; `E_DB` when a
   *   statement in it failed, or the server refuses the commit
   */
  transaction<Result>(work: (tx: Transaction) => Result | Promise<Result>): Promise<Result>;
  /**
   * Makes a database in a project of the tenant this is called for: `project`, else `default`, else the only one.
   * Needs `database.admin`; extensions that guard databases may be against it. At most ten for each extension.
   * `name` matches `^[a-z][a-z0-9_]{0,31}$`. Give the call the time: making one takes seconds on a slow server.
   * @throws `E_VETO`, `E_EXISTS`, `E_DB_QUOTA`, `E_NOT_FOUND` when the tenant has no such project, `E_BUSY`
   */
  createDatabase(options: { readonly name: string; readonly project?: string }): Promise<ProjectDatabase>;
  /** The databases of the tenant's projects. Needs `database.admin`. */
  listDatabases(): Promise<ProjectDatabase[]>;
}

export interface ProjectDatabase {
  readonly project: string;
  readonly name: string;
  /** ISO 8601. */
  readonly createdAt: string;
}

/** Of `ctx.db.transaction`. After a statement that failed all others fail: nothing can be kept any more. */
export interface Transaction {
  /** As `ctx.db.query`; what changes tables outside of the own schema is not available. */
  query<Row = Record<string, Json>>(
    sql: string,
    params?: readonly Json[],
  ): Promise<{ rows: Row[]; rowCount: number }>;
  queryOne<Row = Record<string, Json>>(sql: string, params?: readonly Json[]): Promise<Row | null>;
}

type Published = DeclaredOf<'publishes', Record<string, Json>>;
/** Without generated types: any type, any data. */
export type PublishedType = keyof Published & string;
export type PublishedData<Type> = Type extends keyof Published ? Published[Type] : never;

/** Of the manifest; any name while there are no generated types. */
type JobName = DeclaredOf<'jobs', string>;
type DependencyId = DeclaredOf<'dependencies', string>;

/** Needs `api.emit_events`. */
export interface Events {
  /**
   * Durable when it resolves. `type` must lie below `<publisher>.<name>.` and be named in the manifest.
   * In the handler of a transactional subscription it is part of its transaction: `sequence` is `null` then.
   * @throws `E_EVENT_SCHEMA`, `E_EVENT_NAMESPACE`, `E_CAP_REVOKED`
   */
  publish<Type extends PublishedType>(
    type: Type,
    data: PublishedData<Type>,
    options?: { eventId?: string },
  ): Promise<{ eventId: string; sequence: number | null }>;
  /**
   * The event is published after the commit, or never was: for others to know of what the transaction did.
   * @throws what `publish` throws
   */
  publishInTransaction<Type extends PublishedType>(
    tx: Transaction,
    type: Type,
    data: PublishedData<Type>,
    options?: { eventId?: string },
  ): Promise<{ eventId: string }>;
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

/** Stores that operators connect to the host, such as Redis servers. Needs `system.stores`. */
export interface Stores {
  /**
   * A store by its name; `postgres` is always one. Asks nobody: what it is asked for says whether it is there.
   * In each, what an extension keeps is apart by extension and tenant, and from `ctx.state`.
   */
  use(name: string): Store;
}

/**
 * As `ctx.state`, with the same limits in each store, and with streams: logs that are only appended to. Each call
 * may throw `E_STORE_UNKNOWN`; `E_STORE_UNAVAILABLE`, when it may be done all the same and can be tried again;
 * `E_CAP_REVOKED`, `E_CAP_SCOPE`.
 */
export interface Store extends State {
  /** `version`: the one the key has from then on, whatever it had, as when data moves. @throws `E_STATE_QUOTA` */
  set(key: string, value: Json, options?: { readonly version?: number }): Promise<{ version: number }>;
  /**
   * Puts an entry behind all others of the stream, with the next number or with `id`. The oldest entries beyond `keep`
   * (10,000, which is the most) go.
   * @throws `E_EXISTS` when the stream is at `id` or behind it, `E_STATE_QUOTA`
   */
  append(stream: string, value: Json, options?: AppendOptions): Promise<{ id: number }>;
  /**
   * Entries behind `after`, oldest first: at most `limit` (100), fewer when more would be larger than one answer, and
   * none when there are none.
   */
  read(
    stream: string,
    options?: { readonly after?: number; readonly limit?: number },
  ): Promise<{ id: number; value: Json }[]>;
  /** Streams that have entries, by name. */
  streams(options?: { prefix?: string; after?: string; limit?: number }): Promise<StoreStream[]>;
  /** With all its entries; the next entry is number 1 again. False: there is none. */
  removeStream(stream: string): Promise<boolean>;
}

export interface AppendOptions {
  readonly id?: number;
  readonly keep?: number;
}

export interface StoreStream {
  readonly stream: string;
  /** The ids of its oldest and newest entry. */
  readonly first: number;
  readonly last: number;
  readonly length: number;
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
 * A file is at most 700 kB, all of them 64 MiB and 10,000 files and folders. Folders that the operator lends lie at
 * `mounts/<name>/`, for who names them in the scope `mounts`.
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

/** Needs `system.background_jobs`; schedules need `system.cron_schedule`. Jobs are those of this extension and tenant. */
export interface Jobs {
  /**
   * Queues a job that the manifest names. It acts for the request of this call, and is tried again, with growing
   * pauses, until it has run to its end or failed as often as it may. Run at least once: be idempotent by its id.
   * @throws `E_NOT_FOUND` when the manifest names no such job, `E_JOB_QUOTA` when too many wait, `E_CAP_REVOKED`
   */
  enqueue(job: JobName, payload?: Json, options?: JobOptions): Promise<{ id: string; existing: boolean }>;
  /** False: it does not wait any more, or there is none. */
  cancel(id: string): Promise<boolean>;
  /** `null`: there is none; ended ones are kept for a day. */
  status(id: string): Promise<JobStatus | null>;
  /**
   * Has a job queued at times: minute, hour, day of the month, month, day of the week. Replaces one of that name.
   * @throws `E_PARAMS` when these are no times, `E_NOT_FOUND`, `E_JOB_QUOTA`, `E_CAP_REVOKED`
   */
  schedule(name: string, schedule: JobSchedule): Promise<{ nextAt: string }>;
  /** False: there is none, or the manifest declares it. */
  unschedule(name: string): Promise<boolean>;
}

/** The channels of the extension's own, each with as many rooms as there are tenants: `ctx.request` says which one. */
export interface Realtime {
  /**
   * Sends a message to all clients in a channel, on all hosts, in the order of their numbers. It is kept for those
   * who come later, when this resolves. At most 64 KiB as JSON. Needs `realtime.broadcast`.
   * @throws `E_NOT_FOUND` when the manifest names no such channel, `E_PARAMS`, `E_CAP_REVOKED`, `E_CAP_SCOPE`
   */
  broadcast(channel: string, data: Json): Promise<{ sequence: number }>;
  /** Who is in a channel, on all hosts. Needs `realtime.register_channel`. @throws as `broadcast` */
  presence(channel: string): Promise<Presence>;
}

export interface Presence {
  /** In the order they came, at most 1,000. */
  readonly members: readonly {
    readonly id: string;
    readonly name: string;
    readonly connections: number;
    /** ISO 8601. */
    readonly since: string;
  }[];
  /** Members, those that are not listed included. */
  readonly total: number;
  /** Connections of nobody who is known. */
  readonly anonymous: number;
}

export interface JobOptions {
  /**
   * The tenant it acts for, with no principal; absent: that of this call. Another one takes `system.tenant_jobs`, and
   * work of the control plane: `t_system`, or no request at all.
   */
  readonly tenant?: string;
  /** ISO 8601. Absent: now. */
  readonly runAt?: string;
  readonly delayMs?: number;
  readonly maxAttempts?: number;
  /** -100 to 100; the lower, the sooner. */
  readonly priority?: number;
  /**
   * With it jobs run one at a time, and one waits at most: while it does, another is not queued. One that runs may have
   * begun before what is asked for now: behind it, one more waits.
   */
  readonly key?: string;
}

export interface JobSchedule {
  readonly cron: string;
  /** IANA name; `UTC` when absent. */
  readonly timezone?: string;
  readonly job: JobName;
  readonly payload?: Json;
}

export interface JobStatus {
  readonly id: string;
  readonly job: string;
  readonly state: 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled';
  /** Runs that have begun. */
  readonly attempts: number;
  readonly maxAttempts: number;
  /** ISO 8601. */
  readonly runAt: string;
  readonly endedAt: string | null;
  /** Of the run before. */
  readonly errorCode: string | null;
}

/** Methods of extensions that the manifest names as dependencies. */
export interface Extensions {
  /**
   * Calls a method that the extension exports. It does what it does with its own rights, for the request of this
   * call, and within 30 s; what its handler returns is the result. Values are JSON up to about 700 kB.
   * @throws the error of the method when it has a code of its own (`ExtensionError`); `E_DEPENDENCY` when the
   *   manifest does not name the extension, `E_EXPORT` when it exports no such method to this one,
   *   `E_NOT_ENABLED`, `E_QUARANTINED`, and `E_CALLEE` when it failed
   */
  call<Result = Json>(extension: DependencyId, method: string, params?: Json): Promise<Result>;
}

export interface FileEntry {
  readonly name: string;
  readonly kind: 'file' | 'folder';
  /** 0 for a folder. */
  readonly sizeBytes: number;
  /** ISO 8601. */
  readonly modifiedAt: string;
}

/** Values of labels by their names: at most 8, each up to 128 characters. One for every user is too many. */
export type MetricLabels = Readonly<Record<string, string>>;

/**
 * Numbers of the extension's own at `/metrics`, as `mag_ext_<publisher>_<name>_<metric>`, for as long as the host
 * runs. Needs `system.metrics`. A name is small letters, digits and `_`, and is of one type, with the same labels,
 * for good. All of them together have 500 time series; a histogram has one for each bucket and three more, for each
 * set of labels. Each change is a host call.
 * @throws from each change: `E_PARAMS`, `E_METRIC_QUOTA`, `E_CAP_REVOKED`
 */
export interface Metrics {
  /** Only grows. */
  counter(name: string): { inc(value?: number, labels?: MetricLabels): Promise<void> };
  gauge(name: string): {
    set(value: number, labels?: MetricLabels): Promise<void>;
    inc(value?: number, labels?: MetricLabels): Promise<void>;
    dec(value?: number, labels?: MetricLabels): Promise<void>;
  };
  /** `buckets` are upper bounds, rising, at most 30; by default 0.005 to 10, as for seconds. */
  histogram(
    name: string,
    options?: { readonly buckets?: readonly number[] },
  ): { observe(value: number, labels?: MetricLabels): Promise<void> };
}

/**
 * Keys of the extension's own, Ed25519 or P-256, or symmetric ones for message authentication codes (HMAC-SHA-256).
 * An operator makes and rotates them; what signs stays in the host. Needs `system.keys`. Each throws `E_KEY_UNKNOWN` when there is no such key, and `E_CAP_REVOKED`.
 */
export interface Keys {
  /**
   * `signature` is 64 bytes: with P-256 the two numbers (IEEE P1363), not DER. Of a symmetric key it is a MAC of 32.
   * Text is signed as UTF-8.
   */
  sign(key: string, data: string | Uint8Array): Promise<{ signature: Uint8Array; keyId: string }>;
  /** Whether any version of the key made it, or the one with this id. */
  verify(
    key: string,
    data: string | Uint8Array,
    signature: Uint8Array,
    options?: { readonly keyId?: string },
  ): Promise<boolean>;
  /** @throws `E_PARAMS` for a symmetric key: it has no public half */
  publicKey(key: string): Promise<PublicKeys>;
  /**
   * A compact JWS (RFC 7515) with `alg` and `kid` set by the host. A text is signed as it is, any other payload as
   * its JSON. @throws `E_PARAMS` for a header that says what is the host's to say
   */
  jws(key: string, payload: Json, header?: Readonly<Record<string, Json>>): Promise<string>;
}

export interface PublicKey {
  /** The thumbprint of the key (RFC 7638). */
  readonly keyId: string;
  readonly algorithm: 'EdDSA' | 'ES256';
  /** As a JWKS lists it, with `kid`, `alg` and `use`. */
  readonly jwk: Readonly<Record<string, string>>;
  readonly pem: string;
}

/** The version that signs now. */
export interface PublicKeys extends PublicKey {
  /** Those before it, newest first: what they signed still verifies. */
  readonly previous: readonly PublicKey[];
}

/** Roles and the audit log, in the tenant of the request: `t_system` where there is none. */
export interface Auth {
  /** Needs `auth.modify_roles`. Principals are `user:<id>` or `service:<id>`, as in `ctx.request.principal`. */
  readonly roles: {
    /**
     * False: this extension gave it before. A role that an extension gave is taken when it is uninstalled.
     * @throws `E_ROLE` for roles of the host, `E_NOT_FOUND` for a principal that the tenant does not have
     */
    assign(principal: string, role: string): Promise<boolean>;
    /** Takes what this extension gave; false: nothing. What others gave stays. @throws `E_ROLE`, `E_NOT_FOUND` */
    remove(principal: string, role: string): Promise<boolean>;
    /** Whoever gave it to them, by id. `after` is the last id of the page before. */
    holders(
      role: string,
      options?: { readonly after?: string; readonly limit?: number },
    ): Promise<{ id: string; name: string }[]>;
  };
  /** Needs `auth.audit_access`. */
  readonly audit: {
    /** Newest first, 50 unless told. `before` is the lowest sequence of the page before. */
    query(filter?: AuditFilter): Promise<AuditRecord[]>;
  };
}

export interface AuditFilter {
  readonly action?: string;
  readonly target?: string;
  readonly principal?: string;
  readonly before?: number;
  readonly limit?: number;
}

/** What happened: `token.create`, by whom, to what, and how it ended. */
export interface AuditRecord {
  /** Rising, with gaps: the records of other tenants are not shown. */
  readonly sequence: number;
  /** ISO 8601. */
  readonly at: string;
  readonly principal: string;
  readonly tenant: string;
  readonly action: string;
  readonly target: string;
  readonly outcome: 'ok' | 'refused' | 'failed';
  readonly detail: JsonObject;
}
