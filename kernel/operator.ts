import type { CapabilityName, Scope } from '../manifests/catalog/index.ts';
import type { Json, JsonObject } from '../manifests/json.ts';
import type { AnyManifest, CapabilityRequest, ExtensionId, Limits } from '../manifests/manifest/manifest.ts';
import type { GuestTarget, RequestContext } from '../manifests/protocol/frames.ts';
import type { Demand } from './capability/gate.ts';
import type { ReplayFrom, SubscriptionStatus } from './events/bus.ts';
import type {
  AuditEntry,
  DeadLetter,
  DeadLetterFilter,
  ExtensionRecord,
  ExtensionState,
  Grant,
  HealthSample,
  KeptAlert,
  KeptVersion,
  Operation,
  OperationStep,
  Replay,
  StoredEvent,
  StoredPackage,
} from './ports.ts';
import type { CellStats, EndpointAnswer } from './sandbox/cell.ts';

/** Who asks, for the audit. */
export interface Principal {
  /** `token:<id>` or `host`. */
  readonly id: string;
  readonly tenant: string;
}

/** What an operator can do with extensions. The API and through it the CLI call this and nothing deeper. */
export interface Operator {
  /**
   * Verifies a package and stores it by digest. Nothing is stored when it is refused.
   * @throws `E_PKG_*`, `E_SIG_*`, `E_MANIFEST_INVALID`, `E_UNSUPPORTED`
   */
  stage(upload: Upload, by: Principal): Promise<Staged>;
  /** Stages all of them; none is stored when one is refused. @throws what `stage` and their `accept` throw */
  stageAll(packages: readonly Submitted[], by: Principal): Promise<void>;
  /**
   * Every version of an extension or a bundle whose package is here, last staged first. Its warnings say nothing
   * of other extensions: whoever asks chooses those.
   */
  packages(id: ExtensionId): Promise<Staged[]>;
  /** Each resolves with the id of an operation as soon as it is journaled. @throws `E_STATE`, `E_NOT_FOUND` */
  install(id: ExtensionId, request: InstallRequest, by: Principal): Promise<string>;
  enable(id: ExtensionId, by: Principal): Promise<string>;
  disable(id: ExtensionId, by: Principal): Promise<string>;
  uninstall(id: ExtensionId, request: { purge: boolean }, by: Principal): Promise<string>;
  /** Switches to another staged version without losing a request. @throws `E_PKG_ROLLBACK`, `E_APPROVAL` */
  upgrade(id: ExtensionId, request: UpgradeRequest, by: Principal): Promise<string>;
  /** Goes back to a kept version, by default the one before. @throws `E_NOT_FOUND`, `E_IRREVERSIBLE` */
  rollback(id: ExtensionId, request: RollbackRequest, by: Principal): Promise<string>;
  /** What an upgrade to a staged version would change. @throws `E_NOT_FOUND` */
  upgradePlan(id: ExtensionId, version: string): Promise<UpgradePlan>;
  /** Blocks until the operation ended or the time is over. @throws `E_NOT_FOUND` */
  operation(id: string, waitMs?: number): Promise<Operation>;
  /**
   * Asks an operation to end before its next step and be undone, on whichever host it runs.
   * @throws `E_NOT_FOUND`; `E_STATE` when it has ended, or is completed once begun
   */
  cancel(id: string, by: Principal): Promise<Operation>;
  /** Asks once more for what an operation that failed was asked to do. @throws `E_NOT_FOUND`, `E_STATE` */
  retry(id: string, by: Principal): Promise<string>;
  /** Calls back with every step of an operation that changes from now on; returns the way to stop. */
  onStep(operation: string, listener: (step: OperationStep | { ended: Operation }) => void): () => void;

  list(): Promise<ExtensionSummary[]>;
  /** @throws `E_NOT_FOUND` */
  show(id: ExtensionId): Promise<ExtensionDetail>;
  /** Approves what the manifest declares, or restores it. @throws `E_APPROVAL`, `E_NOT_FOUND` */
  grant(id: ExtensionId, capability: string, scope: Scope | null, by: Principal): Promise<void>;
  /** Takes effect at once, calls in flight included. @throws `E_NOT_FOUND` */
  revoke(id: ExtensionId, capability: string, by: Principal): Promise<void>;
  /** @throws `E_CONFIG_INVALID`; takes effect at the next enable */
  configure(id: ExtensionId, config: JsonObject, by: Principal): Promise<void>;
  /** Asks the extension now. */
  health(id: ExtensionId): Promise<HealthReport>;
  /**
   * Publishes an event of any known type in the name of an operator; `request` is the one it was asked for in.
   * @throws `E_EVENT_SCHEMA`
   */
  publish(
    event: { type: string; data: Json; eventId?: string },
    by: Principal,
    request?: RequestContext | null,
  ): Promise<{ eventId: string; sequence: number }>;
  /** The event types that extensions publish, with the schemas of their data. */
  eventTypes(): Promise<{ name: string; extension: ExtensionId; data: JsonObject }[]>;
  /** Every subscription of an extension to events. */
  subscriptions(): Promise<SubscriptionStatus[]>;
  /** Delivers to a subscription once more what it had from a point on. @throws `E_NOT_FOUND` */
  replay(subscription: string, from: ReplayFrom, by: Principal): Promise<Replay>;
  /** Events that could not be handled, newest first. */
  deadLetters(filter: DeadLetterFilter): Promise<DeadLetter[]>;
  /**
   * Delivers a dead letter once more; handled, it is one no longer.
   * @throws what the handler throws; `E_NOT_FOUND`; `E_NOT_ENABLED`
   */
  redrive(deadLetter: string, by: Principal): Promise<void>;
  /** Gives a dead letter up. @throws `E_NOT_FOUND` */
  purgeDeadLetter(id: string, by: Principal): Promise<void>;
  /** Starting, started and failed extensions of this host, as data. */
  startup(): readonly StartupEntry[];
}

export interface InstallRequest {
  readonly version: string;
  readonly approve: readonly string[] | 'all';
  readonly config?: JsonObject;
}

export interface UpgradeRequest {
  readonly version: string;
  /** Of what is new. Absent: nothing, the new version runs on the grants there are. */
  readonly approve?: readonly string[] | 'all';
}

export interface RollbackRequest {
  readonly version?: string;
  /** Go back although a migration stays that cannot be reversed. */
  readonly force?: boolean;
}

/** What changes between two versions of an extension, for the operator who decides. */
export interface UpgradePlan {
  readonly from: string;
  readonly to: string;
  readonly capabilities: {
    /** Of a bundle, with the member that asks. */
    readonly added: readonly (CapabilityRequest & { readonly member?: ExtensionId })[];
    readonly removed: readonly string[];
    /** Declared in both, with another scope. */
    readonly changed: readonly {
      readonly name: string;
      readonly from: Scope | null;
      readonly to: Scope | null;
    }[];
  };
  readonly dependencies: {
    readonly added: Readonly<Record<string, string>>;
    readonly removed: readonly string[];
    readonly changed: Readonly<Record<string, { readonly from: string; readonly to: string }>>;
  };
  readonly migrations: { readonly run: readonly string[]; readonly irreversible: readonly string[] };
  readonly contributions: { readonly added: readonly string[]; readonly removed: readonly string[] };
  readonly sizeBytes: { readonly from: number; readonly to: number };
  /** Of a bundle: what changes of each member that moves. `from` is null for one that is installed with it. */
  readonly members?: readonly (Omit<UpgradePlan, 'from' | 'members'> & {
    readonly id: ExtensionId;
    readonly from: string | null;
  })[];
}

/** A member of a bundle as it stands on this host. */
export interface BundleMember {
  readonly id: ExtensionId;
  readonly range: string;
  /** `null`: it is not known here. */
  readonly state: ExtensionState | null;
  /** The installed version, or the staged one that would be; `null` when none is in range. */
  readonly version: string | null;
  /** Whether the version is in range. */
  readonly satisfied: boolean;
  /** What it asks for in this version. */
  readonly capabilities: readonly CapabilityRequest[];
}

/** A package as it comes in, with what lies beside it. */
export interface Upload {
  readonly archive: Uint8Array;
  /** JSON text of the Sigstore bundle. */
  readonly bundle: string | null;
  /** Text of the `.intoto.jsonl`. Staging the same package again adds to those that are stored. */
  readonly attestations: string | null;
}

/** A package that came with others. */
export interface Submitted extends Upload {
  /** Refuses what is verified but not what was meant to come. */
  readonly accept: (manifest: AnyManifest) => void;
}

export interface Staged {
  readonly package: StoredPackage;
  readonly manifest: AnyManifest;
  /** Of a bundle. */
  readonly members: readonly BundleMember[];
  readonly warnings: readonly string[];
}

/** The states of spec 06: what is on record, unless it is being moved or was found unwell just now. */
export type ShownState = ExtensionRecord['state'] | 'upgrading' | 'unhealthy';

export interface ExtensionSummary {
  readonly record: ExtensionRecord;
  readonly state: ShownState;
  readonly manifest: AnyManifest;
  /** Of a bundle. */
  readonly members: readonly BundleMember[];
}

export interface ExtensionDetail extends ExtensionSummary {
  readonly versions: readonly StoredPackage[];
  /** Versions that can be rolled back to. */
  readonly kept: readonly KeptVersion[];
  readonly grants: readonly Grant[];
  readonly operations: readonly Operation[];
  /** What it gets: what its manifest asks for, up to what its tier allows. `null` for a bundle. */
  readonly limits: Limits | null;
  /** `null` while it does not run on this host. */
  readonly stats: CellStats | null;
  readonly used: ComponentUse;
  /** What an operator still has to provide for it. */
  readonly warnings: readonly string[];
}

/** What an extension used of the components of this host, by the names they give it. */
export interface ComponentUse {
  /** Since the host started. */
  readonly total: Readonly<Record<string, number>>;
  /** Since its last health check; `null` while it does not run on this host. */
  readonly sinceCheck: Readonly<Record<string, number>> | null;
}

/** How an extension is, and was. */
export interface HealthReport {
  /** What it says now; `null` while it does not run. */
  readonly healthy: boolean | null;
  readonly detail: Json;
  /** Newest first. */
  readonly history: readonly HealthSample[];
  readonly alerts: readonly KeptAlert[];
}

export interface StartupEntry {
  readonly extension: ExtensionId;
  readonly state: 'starting' | 'started' | 'failed';
  readonly tookMs: number | null;
  readonly reason: { readonly code: string; readonly detail: string } | null;
}

/** What the gateway's adapter needs of the kernel to serve endpoints. */
export interface EndpointHost {
  /** The state of an extension nobody serves an endpoint of, to say why: `E_NOT_FOUND`, `E_NOT_ENABLED`, `E_QUARANTINED`. */
  whyNot(id: ExtensionId): Promise<'E_NOT_FOUND' | 'E_NOT_ENABLED' | 'E_QUARANTINED'>;
  /** Counts a call whose answer was no good: malformed, or an error of the server by its own words. */
  answerFailed(id: ExtensionId): void;
  /**
   * Calls an endpoint of an extension after asking the gate. A stream it answers with is ended when the extension may
   * no longer serve endpoints, or is no longer enabled.
   * @throws what `ExtensionProcess.invoke` throws, `E_CAP_*`
   */
  invoke(
    id: ExtensionId,
    target: GuestTarget,
    payload: Json,
    request: RequestContext | null,
  ): Promise<EndpointAnswer>;
}

/** How a component calls what extensions contribute to it. */
export interface GuestHost {
  /** Whether a call would be let in now: the extension runs here, has this, and may. Counts nothing. */
  may(id: ExtensionId, target: GuestTarget): boolean;
  /**
   * Asks the gate for what the host does in the name of an extension: a request to its login provider, say.
   * @throws `E_CAP_*`
   */
  require(id: ExtensionId, demands: readonly Demand[]): void;
  /** Whether the extension holds a capability now. Counts nothing. */
  holds(id: ExtensionId, capability: CapabilityName): boolean;
  /** Whether the extension runs here and may see an event now. Counts nothing. */
  maySee(id: ExtensionId, event: StoredEvent): boolean;
  /** Calls back at once when what an extension may has changed. */
  onGrants(listener: (id: ExtensionId) => void): void;
  /**
   * Calls a handler of an extension after asking the gate. It is cut when what it was let in on is revoked.
   * @throws what `ExtensionProcess.invoke` throws, `E_CAP_*`, `E_NOT_FOUND`, `E_NOT_ENABLED`, `E_QUARANTINED`
   */
  call(id: ExtensionId, target: GuestTarget, payload: Json, options: CallOptions): Promise<Json>;
}

export interface CallOptions {
  readonly request: RequestContext | null;
  /** Ends the call: nobody waits any more. */
  readonly signal?: AbortSignal;
  /** Instead of the `wallMs` of the extension. */
  readonly deadlineMs?: number;
}

/** The audit log as everybody but the kernel uses it. */
export interface Audit {
  /** Durable when it resolves. */
  record(entry: Omit<AuditEntry, 'at'>): Promise<void>;
  /** Walks the whole chain. */
  verify(): Promise<{ ok: true; records: number } | { ok: false; brokenAt: number; reason: string }>;
}
