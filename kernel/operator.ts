import type { Scope } from '../manifests/catalog/index.ts';
import type { Json, JsonObject } from '../manifests/json.ts';
import type {
  CapabilityRequest,
  EndpointContribution,
  ExtensionId,
  Limits,
  Manifest,
} from '../manifests/manifest/manifest.ts';
import type { GuestTarget, RequestContext } from '../manifests/protocol/frames.ts';
import type {
  AuditEntry,
  ExtensionRecord,
  Grant,
  HealthSample,
  KeptVersion,
  Operation,
  OperationStep,
  StoredPackage,
} from './ports.ts';
import type { CellStats } from './sandbox/cell.ts';

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
  stage(archive: Uint8Array, bundle: string | null, by: Principal): Promise<Staged>;
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
  /** Asks the extension now. `healthy` is null while it does not run. */
  health(
    id: ExtensionId,
  ): Promise<{ healthy: boolean | null; detail: Json; history: readonly HealthSample[] }>;
  /** Publishes an event of any known type in the name of an operator. @throws `E_EVENT_SCHEMA` */
  publish(
    event: { type: string; data: Json; eventId?: string },
    by: Principal,
  ): Promise<{ eventId: string; sequence: number }>;
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
    readonly added: readonly CapabilityRequest[];
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
}

export interface Staged {
  readonly package: StoredPackage;
  readonly manifest: Manifest;
  readonly warnings: readonly string[];
}

export interface ExtensionSummary {
  readonly record: ExtensionRecord;
  readonly manifest: Manifest;
}

export interface ExtensionDetail extends ExtensionSummary {
  readonly versions: readonly StoredPackage[];
  /** Versions that can be rolled back to. */
  readonly kept: readonly KeptVersion[];
  readonly grants: readonly Grant[];
  readonly operations: readonly Operation[];
  /** What it gets: what its manifest asks for, up to what its tier allows. */
  readonly limits: Limits;
  /** `null` while it does not run on this host. */
  readonly stats: CellStats | null;
}

export interface StartupEntry {
  readonly extension: ExtensionId;
  readonly state: 'starting' | 'started' | 'failed';
  readonly tookMs: number | null;
  readonly reason: { readonly code: string; readonly detail: string } | null;
}

/** What the gateway's adapter needs of the kernel to serve endpoints. */
export interface EndpointHost {
  /** Endpoints of every extension that is enabled now. */
  endpoints(): readonly ServedEndpoint[];
  /** Called after the answer of `endpoints()` changed. */
  onEndpointsChanged(listener: () => void): void;
  /** The state of an extension nobody serves an endpoint of, to say why: `E_NOT_FOUND`, `E_NOT_ENABLED`, `E_QUARANTINED`. */
  whyNot(id: ExtensionId): Promise<'E_NOT_FOUND' | 'E_NOT_ENABLED' | 'E_QUARANTINED'>;
  /** Calls an endpoint of an extension after asking the gate. @throws what `ExtensionProcess.invoke` throws, `E_CAP_*` */
  invoke(id: ExtensionId, target: GuestTarget, payload: Json, request: RequestContext | null): Promise<Json>;
}

export interface ServedEndpoint {
  readonly extension: ExtensionId;
  readonly endpoint: EndpointContribution;
}

/** The audit log as everybody but the kernel uses it. */
export interface Audit {
  /** Durable when it resolves. */
  record(entry: Omit<AuditEntry, 'at'>): Promise<void>;
  /** Walks the whole chain. */
  verify(): Promise<{ ok: true; records: number } | { ok: false; brokenAt: number; reason: string }>;
}
