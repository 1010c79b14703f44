import type { CapabilityName, Scope } from '../manifests/catalog/index.ts';
import type { Json, JsonObject } from '../manifests/json.ts';
import type { ExtensionId, Manifest } from '../manifests/manifest/manifest.ts';
import type { LogLevel, RequestContext } from '../manifests/protocol/frames.ts';
import type { Demand } from './capability/gate.ts';

/**
 * What the kernel asks of the host. Every store is durable: what a promise resolved for survives a crash.
 * Every method may throw `E_STORAGE`.
 */
export interface Stores {
  readonly packages: PackageStore;
  readonly extensions: ExtensionStore;
  readonly grants: GrantStore;
  readonly operations: OperationStore;
  readonly audit: AuditStore;
  readonly events: EventLog;
  readonly state: StateStore;
  readonly logs: LogStore;
  readonly health: HealthStore;
}

// ---------------------------------------------------------------- packages

/** A verified package as it is stored: the bytes are found by their digest and hashed again at load. */
export interface StoredPackage {
  /** `sha256:<hex>` of the archive. */
  readonly digest: string;
  readonly id: ExtensionId;
  readonly version: string;
  readonly publisher: string;
  readonly tier: string;
  /** The key id or certificate identity that signed it. */
  readonly signedBy: string;
  readonly sizeBytes: number;
  readonly stagedAt: Date;
}

export interface PackageStore {
  /** Idempotent by digest. */
  put(entry: Omit<StoredPackage, 'stagedAt'>, archive: Uint8Array, bundle: string): Promise<void>;
  find(id: ExtensionId, version: string): Promise<StoredPackage | null>;
  /** Newest first. Without an id: all. */
  list(id?: ExtensionId): Promise<StoredPackage[]>;
  read(digest: string): Promise<{ archive: Uint8Array; bundle: string } | null>;
  remove(digest: string): Promise<void>;
}

// ---------------------------------------------------------------- extensions

/** The states of spec 06 that this host knows. */
export type ExtensionState =
  | 'staged'
  | 'installed'
  | 'enabled'
  | 'disabled'
  | 'quarantined'
  | 'failed'
  | 'uninstalled';

export interface ExtensionRecord {
  readonly id: ExtensionId;
  readonly state: ExtensionState;
  /** The installed version; the newest staged one while nothing is installed. */
  readonly version: string;
  readonly digest: string;
  /** The highest version ever installed: older ones are refused. */
  readonly highestVersion: string | null;
  readonly config: JsonObject;
  /** Why it is quarantined, failed or was disabled by the host. */
  readonly reason: { readonly code: string; readonly detail: string } | null;
  readonly updatedAt: Date;
}

export interface ExtensionStore {
  get(id: ExtensionId): Promise<ExtensionRecord | null>;
  list(): Promise<ExtensionRecord[]>;
  /** Inserts or replaces the record. */
  put(record: Omit<ExtensionRecord, 'updatedAt'>): Promise<void>;
  /** Replaced versions that can be rolled back to, newest first. Without an id: of all extensions. */
  kept(id?: ExtensionId): Promise<KeptVersion[]>;
  /** Idempotent. */
  keep(version: Pick<KeptVersion, 'id' | 'version' | 'digest'>): Promise<void>;
  forget(id: ExtensionId, version: string): Promise<void>;
}

/** A version that was replaced by another one. */
export interface KeptVersion {
  readonly id: ExtensionId;
  readonly version: string;
  readonly digest: string;
  readonly replacedAt: Date;
}

// ---------------------------------------------------------------- grants

export interface Grant {
  readonly extension: ExtensionId;
  readonly capability: CapabilityName;
  /** `null`: everything the capability covers. */
  readonly scope: Scope | null;
  readonly grantedBy: string;
  readonly grantedAt: Date;
  /** Uses since it was granted, and the last one. */
  readonly uses: number;
  readonly lastUsedAt: Date | null;
}

export interface GrantStore {
  list(extension?: ExtensionId): Promise<Grant[]>;
  /** Inserts or replaces. */
  put(grant: Pick<Grant, 'extension' | 'capability' | 'scope' | 'grantedBy'>): Promise<void>;
  /** False if there was none. */
  remove(extension: ExtensionId, capability: CapabilityName): Promise<boolean>;
  /** Adds to the counters; rows that vanished meanwhile are skipped. */
  addUses(
    uses: readonly { extension: ExtensionId; capability: CapabilityName; count: number; at: Date }[],
  ): Promise<void>;
}

// ---------------------------------------------------------------- operations

export type OperationKind = 'install' | 'enable' | 'disable' | 'uninstall' | 'upgrade' | 'rollback';
export type OperationState = 'running' | 'succeeded' | 'failed' | 'rolled_back';
export type StepState = 'running' | 'done' | 'failed' | 'undone';

export interface OperationStep {
  readonly name: string;
  readonly state: StepState;
  readonly startedAt: Date;
  readonly endedAt: Date | null;
  readonly detail: string | null;
}

/** A journaled move of one extension: each step is written before it starts and after it ended. */
export interface Operation {
  readonly id: string;
  readonly kind: OperationKind;
  readonly extension: ExtensionId;
  readonly principal: string;
  /** What it was asked to do, enough to undo or complete it after a crash. */
  readonly input: JsonObject;
  readonly state: OperationState;
  readonly steps: readonly OperationStep[];
  readonly error: { readonly code: string; readonly detail: string } | null;
  readonly createdAt: Date;
  readonly endedAt: Date | null;
}

export interface OperationStore {
  /** @throws `E_STATE` when another operation on the extension is running */
  begin(operation: Pick<Operation, 'id' | 'kind' | 'extension' | 'principal' | 'input'>): Promise<void>;
  /** Inserts the step or moves it to another state. */
  step(operation: string, name: string, state: StepState, detail?: string): Promise<void>;
  end(
    operation: string,
    state: Exclude<OperationState, 'running'>,
    error?: { code: string; detail: string },
  ): Promise<void>;
  get(id: string): Promise<Operation | null>;
  /** What a crash left behind, oldest first. */
  running(): Promise<Operation[]>;
  /** Newest first. */
  list(extension: ExtensionId, limit: number): Promise<Operation[]>;
}

// ---------------------------------------------------------------- audit

/** What happened, before it is chained. */
export interface AuditEntry {
  readonly at: Date;
  /** `token:<id>`, `extension:<id>` or `host`. */
  readonly principal: string;
  readonly tenant: string;
  /** `extension.install`, `capability.denied`, … */
  readonly action: string;
  readonly target: string;
  readonly outcome: 'ok' | 'refused' | 'failed';
  readonly detail: JsonObject;
}

export interface AuditRecord extends AuditEntry {
  /** 1, 2, 3 … without a gap. */
  readonly sequence: number;
  readonly previousHash: string;
  readonly hash: string;
}

export interface AuditStore {
  /**
   * Appends behind the newest record, one writer at a time across all hosts: `chain` receives that record
   * (or `null`) and returns what to write. Durable when it resolves.
   */
  append(chain: (last: AuditRecord | null) => readonly AuditRecord[]): Promise<void>;
  /** Oldest first. */
  read(options: { after: number; limit: number }): Promise<AuditRecord[]>;
  /** Newest first. */
  latest(options: {
    before?: number;
    limit: number;
    action?: string;
    target?: string;
  }): Promise<AuditRecord[]>;
}

// ---------------------------------------------------------------- events

/** An event as stored and delivered (spec 05). */
export interface StoredEvent {
  readonly event_id: string;
  readonly event_type: string;
  readonly schema_version: number;
  readonly timestamp: string;
  readonly source: { readonly component: string; readonly extension: string | null };
  /** Position in the log of its component: 1, 2, 3 … without a gap, in commit order. */
  readonly sequence: number;
  readonly data: Json;
  readonly context: Readonly<Record<string, string | null>>;
  readonly capabilities_required: readonly string[];
}

export interface EventLog {
  /**
   * Appends in order, numbers each within its component, and resolves when all are durable. An event whose
   * id is in the log already is not written again: the stored sequence is returned for it.
   */
  append(events: readonly Omit<StoredEvent, 'sequence'>[]): Promise<{ event_id: string; sequence: number }[]>;
  /** Events of one component above a sequence, ascending; only the given types when named. */
  read(component: string, after: number, limit: number, types?: readonly string[]): Promise<StoredEvent[]>;
  /** For people: newest first, across components. `after` is an event id. */
  latest(filter: {
    type?: string;
    component?: string;
    after?: string;
    limit: number;
  }): Promise<StoredEvent[]>;
  /** Highest sequence of every component that has events. */
  heads(): Promise<Map<string, number>>;
  /** Calls back, soon but not at once, when something was appended here or by another host. */
  onAppend(listener: (components: readonly string[]) => void): () => void;

  /** Idempotent. A new subscription starts behind the newest event of each component. */
  subscribe(subscription: SubscriptionKey): Promise<void>;
  unsubscribe(extension: ExtensionId): Promise<void>;
  subscriptions(): Promise<Subscription[]>;
  /** The place of a subscription in one component: everything up to `sequence` is handled. Never moves back. */
  advance(subscription: SubscriptionKey, component: string, sequence: number): Promise<void>;
  deadLetter(entry: Omit<DeadLetter, 'id' | 'at'>): Promise<void>;
  deadLetters(limit: number): Promise<DeadLetter[]>;
}

/** One durable subscription: an extension and the event type it listens to. */
export interface SubscriptionKey {
  readonly extension: ExtensionId;
  readonly type: string;
}

export interface Subscription extends SubscriptionKey {
  readonly cursors: ReadonlyMap<string, number>;
}

export interface DeadLetter {
  readonly id: string;
  readonly at: Date;
  readonly subscription: SubscriptionKey;
  readonly event: StoredEvent;
  readonly attempts: number;
  readonly error: { readonly code: string; readonly detail: string };
}

// ---------------------------------------------------------------- state of extensions

/** Durable key-value space, one per extension and tenant. */
export interface StateStore {
  get(space: StateSpace, key: string): Promise<StateEntry | null>;
  /** @throws `E_STATE_QUOTA` */
  set(space: StateSpace, key: string, value: Json): Promise<{ version: number }>;
  delete(space: StateSpace, key: string): Promise<boolean>;
  list(space: StateSpace, options: { prefix: string; after: string; limit: number }): Promise<StateEntry[]>;
  /** `version` 0: only if absent. Returns the version that stands afterwards. */
  compareAndSet(
    space: StateSpace,
    key: string,
    value: Json,
    version: number,
  ): Promise<{ swapped: boolean; version: number }>;
  /** All tenants. */
  clear(extension: ExtensionId): Promise<void>;
}

export interface StateSpace {
  readonly extension: ExtensionId;
  readonly tenantId: string;
}

export interface StateEntry {
  readonly key: string;
  readonly value: Json;
  readonly version: number;
}

// ---------------------------------------------------------------- logs of extensions

export interface LogLine {
  readonly at: Date;
  readonly extension: ExtensionId;
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: JsonObject;
  readonly traceId: string | null;
}

export interface LogStore {
  /** Buffered: durable within a second. Never throws. */
  write(line: LogLine): void;
  /** Newest last. `after` is the id of a line. */
  read(
    extension: ExtensionId,
    options: { after?: number; limit: number },
  ): Promise<(LogLine & { id: number })[]>;
  flush(): Promise<void>;
}

// ---------------------------------------------------------------- health

/** One health check, and what the extension used since the one before. */
export interface HealthSample {
  readonly extension: ExtensionId;
  readonly at: Date;
  readonly healthy: boolean;
  /** What was wrong; `null` when it is healthy. */
  readonly detail: Json;
  readonly calls: number;
  readonly errors: number;
  readonly cpuMs: number;
  readonly heapBytes: number;
  readonly restarts: number;
}

export interface HealthStore {
  record(sample: HealthSample): Promise<void>;
  /** Newest first. */
  latest(extension: ExtensionId, limit: number): Promise<HealthSample[]>;
  dropExpired(): Promise<void>;
}

// ---------------------------------------------------------------- what an extension owns in the database

export interface MigrationFile {
  /** `0001_create_notes`. */
  readonly name: string;
  readonly up: string;
  readonly down: string | null;
}

/** Role, schema, migrations and database rights of an extension. Every method is idempotent. */
export interface ExtensionData {
  /** Whether the schema of the extension is there already, kept from an earlier install. */
  exists(extension: ExtensionId): Promise<boolean>;
  /** Creates the LOGIN role and the schema `ext_<publisher>_<name>`. */
  provision(extension: ExtensionId): Promise<void>;
  /**
   * Runs what has not run yet, all in one transaction, as the role of the extension in its own schema.
   * @throws `E_MIGRATION`, `E_MIGRATION_CHANGED`
   */
  migrate(extension: ExtensionId, files: readonly MigrationFile[]): Promise<string[]>;
  /** Runs the down files of what is applied and not named in `except`, newest first, all in one transaction. */
  unmigrate(
    extension: ExtensionId,
    files: readonly MigrationFile[],
    except?: readonly string[],
  ): Promise<string[]>;
  /** Makes the server's grants mirror what was granted. */
  syncGrants(extension: ExtensionId, grants: readonly Grant[]): Promise<void>;
  /** Drops the role; with `dropData` the schema and the durable state too. */
  deprovision(extension: ExtensionId, options: { dropData: boolean }): Promise<void>;
}

// ---------------------------------------------------------------- what an extension owns on disk

/** The folder of an extension. Both methods are idempotent. */
export interface ExtensionFiles {
  /** Empties the temporary part: nothing in it outlives a run of the extension. */
  clearTemp(extension: ExtensionId): Promise<void>;
  /** Removes the folder with all that is in it. */
  clear(extension: ExtensionId): Promise<void>;
}

// ---------------------------------------------------------------- small ones

/** pino's shape. What is logged is redacted by the host. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** An extension was quarantined, disabled or did not start. */
export interface Alert {
  readonly extension: ExtensionId;
  readonly version: string;
  readonly code: string;
  readonly detail: string;
}

export interface Clock {
  now(): Date;
}

/** On whose behalf a host call is made: made by the host from the channel, never by the guest. */
export interface Caller {
  readonly extension: ExtensionId;
  readonly manifest: Manifest;
  readonly request: RequestContext | null;
  /** Aborted when nobody waits any more, or what the call was allowed on is revoked. */
  readonly signal: AbortSignal;
  /**
   * Puts to the gate what the call turns out to need while it is being done: where a redirect leads, say.
   * @throws `E_CAP_*`, with all consequences of a denial
   */
  admit(demands: readonly Demand[]): Promise<void>;
}
