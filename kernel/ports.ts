// biome-ignore-all lint/style/noExcessiveLinesPerFile: one list of interfaces: all that the kernel asks of the host, and more docstring than type
import type { CapabilityName, Scope } from '../manifests/catalog/index.ts';
import type { Json, JsonObject } from '../manifests/json.ts';
import type { ExtensionId, Manifest } from '../manifests/manifest/manifest.ts';
import type { LogLevel, RequestContext } from '../manifests/protocol/frames.ts';
import type { Demand } from './capability/gate.ts';
import type { MagError } from './errors.ts';

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
  readonly hosts: HostStore;
  readonly outbox: Outbox;
}

// ---------------------------------------------------------------- hosts

/** What one host says of itself. */
export interface HostReport {
  /** The desired state it has reached. */
  readonly revision: number;
  readonly runs: readonly HostRun[];
}

/** An extension on one host. */
export interface HostRun {
  readonly extension: ExtensionId;
  readonly version: string;
  readonly state: 'running' | 'failed';
}

/** A host as the others see it. */
export interface HostRow extends HostReport {
  readonly id: string;
  /** Where it is reached. */
  readonly address: string;
  readonly version: string;
  readonly pid: number;
  readonly startedAt: Date;
  readonly seenAt: Date;
  /** Grows with every report. */
  readonly beat: number;
  /** When another host took over from it; it can write nothing since. */
  readonly fencedAt: Date | null;
}

/** The hosts that share the storage: what they are to run, and who of them is there. */
export interface HostStore {
  /** Of this host: made anew at each start. */
  readonly id: string;
  /** The number of the desired state. It grows with every change of an extension's record or grants. */
  revision(): Promise<number>;
  /** Calls back soon after a change of the desired state, by this host or another. A hint: it may be lost. */
  onRevision(listener: () => void): () => void;
  /** @throws `E_FENCED` when another host took over from this one */
  report(report: HostReport): Promise<void>;
  /** Oldest first. */
  list(): Promise<HostRow[]>;
  /**
   * Takes over from a host that has not reported since `beat`: when it resolves with true, nothing that host
   * does reaches the storage any more. False: it did report, or is fenced already.
   */
  fence(id: string, beat: number): Promise<boolean>;
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

/** What a package came as. */
export interface PackageBytes {
  readonly archive: Uint8Array;
  /** JSON text of the Sigstore bundle. */
  readonly bundle: string;
  /** A Sigstore bundle on each line; empty: none. */
  readonly attestations: string;
}

export interface PackageStore {
  /** Idempotent by digest: signed once more, the new signature and what goes with it hold. */
  put(entry: Omit<StoredPackage, 'stagedAt'>, files: PackageBytes): Promise<void>;
  find(id: ExtensionId, version: string): Promise<StoredPackage | null>;
  /** Newest first. Without an id: all. */
  list(id?: ExtensionId): Promise<StoredPackage[]>;
  read(digest: string): Promise<PackageBytes | null>;
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

/** A record as it is written: the store adds when. */
export type RecordContent = Omit<ExtensionRecord, 'updatedAt'>;

export interface ExtensionStore {
  get(id: ExtensionId): Promise<ExtensionRecord | null>;
  list(): Promise<ExtensionRecord[]>;
  /** Inserts or replaces the record. */
  put(record: RecordContent): Promise<void>;
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

export type NewGrant = Pick<Grant, 'extension' | 'capability' | 'scope' | 'grantedBy'>;

export interface GrantStore {
  list(extension?: ExtensionId): Promise<Grant[]>;
  /** Inserts or replaces. */
  put(grant: NewGrant): Promise<void>;
  /** The same, unless the extension is not installed, or no longer when this would hold: false. */
  add(grant: NewGrant): Promise<boolean>;
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
  /**
   * Begins an operation of this host that holds these extensions until it ends.
   * @throws `E_STATE` when another operation holds one of them
   */
  begin(
    operation: Pick<Operation, 'id' | 'kind' | 'extension' | 'principal' | 'input'>,
    holds: readonly ExtensionId[],
  ): Promise<void>;
  /**
   * Inserts the step or moves it to another state. Resolves with whether somebody asked to cancel.
   * @param next a step that begins with the same write
   */
  step(operation: string, name: string, state: StepState, detail?: string, next?: string): Promise<boolean>;
  /** Asks whoever does the operation to cancel it. False: it does not run any more. */
  cancel(operation: string): Promise<boolean>;
  end(
    operation: string,
    state: Exclude<OperationState, 'running'>,
    error?: { code: string; detail: string },
  ): Promise<void>;
  get(id: string): Promise<Operation | null>;
  /** Every extension that an operation holds now, and what that does. */
  holders(): Promise<{ readonly extension: ExtensionId; readonly kind: OperationKind }[]>;
  /** The running operation that holds an extension. */
  holder(extension: ExtensionId): Promise<Operation | null>;
  /**
   * Makes the operations of hosts that are gone those of this one.
   * @param underWay what this host is doing
   * @returns all others that are on record as running here, oldest first
   */
  adopt(underWay: readonly string[]): Promise<Operation[]>;
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
    principal?: string;
    tenant?: string;
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
  /**
   * Position in the log of its component, rising in commit order: 1, 2, 3 … without a gap in Postgres, with gaps
   * in JetStream, whose numbers are those of the whole stream.
   */
  readonly sequence: number;
  readonly data: Json;
  readonly context: Readonly<Record<string, string | null>>;
  readonly capabilities_required: readonly string[];
  /** It was asked for once more: it may have been handled before. */
  readonly replay?: true;
}

export interface EventLog {
  /**
   * Appends in order, numbers each within its component, and resolves when all are durable. An event whose
   * id is in the log already is not written again: the stored sequence is returned for it.
   */
  append(events: readonly Omit<StoredEvent, 'sequence'>[]): Promise<{ event_id: string; sequence: number }[]>;
  /** @throws `E_EVENT_SCHEMA` when `append` would refuse it for what it is */
  check(event: Omit<StoredEvent, 'sequence'>): void;
  /** Events of one component above a sequence, ascending; only the given types when named. */
  read(component: string, after: number, limit: number, types?: readonly string[]): Promise<StoredEvent[]>;
  /** The same, of named types, for who goes on from head to head. */
  page(component: string, after: number, limit: number, types: readonly string[]): Promise<EventPage>;
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
  /** Makes this host the one that delivers to an extension. False: another host does. */
  claim(extension: ExtensionId): Promise<boolean>;
  /** Leaves the delivery to an extension to other hosts. */
  release(extension: ExtensionId): Promise<void>;
  /** The sequence of the first event of a component from a point on; `null`: there is none. */
  firstFrom(component: string, from: EventPoint): Promise<number | null>;
  /** The place of a subscription in one component: everything up to `sequence` is handled. Never moves back. */
  advance(subscription: SubscriptionKey, component: string, sequence: number): Promise<void>;
  /** Has what lies above `after` delivered to a subscription again, up to and with `until`. */
  replay(subscription: string, range: { after: number; until: number }): Promise<Replay>;
  /** Those that have not ended, oldest first. */
  openReplays(): Promise<Replay[]>;
  /** Everything up to `sequence` was delivered again. At `until` it has ended. */
  advanceReplay(id: string, sequence: number): Promise<void>;
  deadLetter(entry: Omit<DeadLetter, 'id' | 'at'>): Promise<void>;
  /** Newest first. */
  deadLetters(filter: DeadLetterFilter): Promise<DeadLetter[]>;
  /** False: there is none by that id. */
  removeDeadLetter(id: string): Promise<boolean>;
  /** How many each subscription has, by extension and type. */
  countDeadLetters(): Promise<(SubscriptionKey & { count: number })[]>;
}

/** What is between the last event of a page that is not full and its head is of other types. */
export interface EventPage {
  /** The newest event of the component there was before the page was read; 0: there was none. */
  readonly head: number;
  readonly events: StoredEvent[];
}

/** Where to begin: the first event at or after a time, or the event with this id. */
export type EventPoint = { readonly time: Date } | { readonly eventId: string };

/** What a subscription is delivered once more. */
export interface Replay {
  readonly id: string;
  /** The id of the subscription. */
  readonly subscription: string;
  /** Everything up to it was delivered again. */
  readonly sequence: number;
  readonly until: number;
  readonly createdAt: Date;
}

export interface DeadLetterFilter {
  readonly id?: string;
  readonly extension?: ExtensionId;
  readonly type?: string;
  /** Only those older than this id. */
  readonly before?: string;
  readonly limit: number;
}

/** One durable subscription: an extension and the event type it listens to. */
export interface SubscriptionKey {
  readonly extension: ExtensionId;
  readonly type: string;
}

export interface Subscription extends SubscriptionKey {
  readonly id: string;
  /** The host that delivers, or did last; `null`: none. */
  readonly host: string | null;
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

// ---------------------------------------------------------------- transactions of extensions

/** Transactions in the database that extensions live in, each on a connection of the extension's own role. */
export interface Transactions {
  /**
   * Waits for one of the few connections that an extension has for transactions.
   * @throws `E_DB_TIMEOUT` when none is free until `signal` aborts, `E_STORAGE`
   */
  begin(request: {
    readonly extension: ExtensionId;
    /** `null`: on nobody's behalf. */
    readonly tenantId: string | null;
    readonly signal: AbortSignal;
    /** Milliseconds after which it is rolled back whoever holds it. */
    readonly maxMs: number;
  }): Promise<Transaction>;
  /**
   * The durable state on the connections of the extension itself: it waits for nobody's locks but its own, and
   * keeps no connection of the host meanwhile.
   */
  readonly state: TransactionState;
}

export type TransactionState = Omit<StateStore, 'clear'>;

/**
 * One that is open. What is done in it happens in turn; once it is over, everything fails with the reason.
 * Its own failing to do something may end it: all or nothing.
 */
export interface Transaction {
  /** Made by the host; nobody guesses it. */
  readonly id: string;
  /** @throws `E_DB` when a statement in it failed, or the server refuses; nothing is kept then */
  commit(): Promise<void>;
  /** Never throws; does nothing when it is over. */
  rollback(reason?: MagError): Promise<void>;
  /** Writes an event that vanishes with the transaction, and is published after its commit (`Outbox`). */
  publish(event: Omit<StoredEvent, 'sequence'>, signal: AbortSignal): Promise<void>;
  /**
   * Takes an event for a subscription of the extension: its place is behind it from the commit on. Whoever else
   * takes it waits for the end of this transaction.
   * @returns false: the place is behind it already, or there is no such subscription any more
   */
  take(event: { type: string; component: string; sequence: number }, signal: AbortSignal): Promise<boolean>;
  /** The durable state of the extension as it is inside. */
  state(signal: AbortSignal): TransactionState;
}

/** Events whose transactions have committed and that are not in the event log yet. */
export interface Outbox {
  /** Extensions that have some. */
  waiting(): Promise<ExtensionId[]>;
  /**
   * Hands the oldest events of an extension over, in the order they were published in, and forgets them when
   * that is done; of several hosts one does so at a time.
   * @returns how many; 0 when there is none, or another host is at it
   */
  hand(
    extension: ExtensionId,
    over: (events: readonly Omit<StoredEvent, 'sequence'>[]) => Promise<void>,
  ): Promise<number>;
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
  /** Without those of the checks themselves. */
  readonly calls: number;
  readonly errors: number;
  readonly cpuMs: number;
  /** Processor time by time: 1 is a core. */
  readonly cpuShare: number;
  /** Share of the time for which the host's thread was busy with its frames. */
  readonly eventLoopShare: number;
  readonly heapBytes: number;
  readonly restarts: number;
  /** What a limit ended or refused, by the code of the limit. */
  readonly refused: Readonly<Record<string, number>>;
  /** What it used of the components, by the names they give it: `egressSentBytes`. */
  readonly used: Readonly<Record<string, number>>;
}

export interface HealthStore {
  record(sample: HealthSample): Promise<void>;
  /** Newest first. */
  latest(extension: ExtensionId, limit: number): Promise<HealthSample[]>;
  recordAlert(alert: KeptAlert): Promise<void>;
  /** Newest first. */
  alerts(extension: ExtensionId, limit: number): Promise<KeptAlert[]>;
  /** Samples are kept for 7 days, alerts for 90. */
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

/** An extension was quarantined, disabled or taken back to its version before, or did not start. */
export interface Alert {
  readonly extension: ExtensionId;
  readonly version: string;
  readonly code: string;
  readonly detail: string;
}

export interface KeptAlert extends Alert {
  readonly at: Date;
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
  /** The call of the extension that it is made in: the same for all of its host calls, aborted when it is over. */
  readonly call: AbortSignal;
  /** The extensions that called each other up to this one, the first one first; empty: the host called. */
  readonly chain: readonly ExtensionId[];
  /**
   * The transaction this is part of: the named one, that of the event being handled, or none.
   * @throws `E_PARAMS` when the call it is made in has no such transaction
   */
  transaction(id?: string): Promise<Transaction | null>;
  /**
   * Puts to the gate what the call turns out to need while it is being done: where a redirect leads, say.
   * @throws `E_CAP_*`, with all consequences of a denial
   */
  admit(demands: readonly Demand[]): Promise<void>;
}
