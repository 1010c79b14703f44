import type { Scope } from '../catalog/index.ts';
import type { JsonObject } from '../json.ts';

/** `<publisher>/<name>`. */
export type ExtensionId = `${string}/${string}`;

/** What `manifest.json` of an extension says, after `parseManifest` filled the defaults in. */
export interface Manifest {
  readonly manifestVersion: 1;
  readonly kind: 'extension';
  readonly id: ExtensionId;
  readonly version: string;
  readonly displayName: string;
  readonly description: string;
  readonly license: string;
  readonly engines: { readonly magflock: string };
  /** Path of the one self-contained ES module in the package. */
  readonly entry: string;
  /** Extension id to semver range. */
  readonly dependencies: Readonly<Record<string, string>>;
  readonly capabilities: readonly CapabilityRequest[];
  readonly contributes: Contributions;
  /** JSON Schema of the configuration. */
  readonly config?: JsonObject;
  /** Folder of `NNNN_name.up.sql` and `.down.sql` in the package. */
  readonly migrations?: string;
  readonly limits: Limits;
  readonly health: { readonly intervalSeconds: number };
  readonly isolation: { readonly process: 'dedicated' | 'shared'; readonly jit: boolean };
}

export interface CapabilityRequest {
  /** Not yet checked against the catalogue: an unknown name is refused at staging. */
  readonly name: string;
  readonly reason: string;
  readonly scope?: Scope;
}

export interface Contributions {
  readonly endpoints: readonly EndpointContribution[];
  readonly hooks: readonly HookContribution[];
  readonly events: {
    readonly subscribes: readonly string[];
    readonly publishes: readonly { readonly type: string; readonly schema: string }[];
  };
}

export interface EndpointContribution {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Below `/x/<publisher>/<name>`; `:name` segments become `params`. */
  readonly path: string;
  /** `none`, `user` (any principal) or the name of a role. */
  readonly auth: string;
}

export interface HookContribution {
  readonly hook: string;
  /** Taps run in this order, lowest first, then by extension id. */
  readonly order: number;
}

/** Budgets of one extension. Times are of one call. */
export interface Limits {
  /** Processor milliseconds a call may use. */
  readonly cpuMs: number;
  /** Milliseconds from call to answer. */
  readonly wallMs: number;
  /** Heap of the isolate in MiB. */
  readonly memoryMb: number;
  readonly hostCallsPerSecond: number;
  /** KiB it may send and receive over the network in a minute, headers included. */
  readonly egressKbPerMinute: number;
}
