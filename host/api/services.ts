import type { KeysAdapter } from '../../adapters/keys/index.ts';
import type { SecretRow, VaultConnection } from '../../adapters/secrets/index.ts';
import type { StoreRecord, StoreReport } from '../../adapters/stores/index.ts';
import type { Audit, Operator, Principal } from '../../kernel/operator.ts';
import type { Logger, Stores } from '../../kernel/ports.ts';
import type { Code } from '../../manifests/catalog/index.ts';
import type { JsonObject } from '../../manifests/json.ts';
import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import type { Magauth } from '../components/magauth/magauth.ts';
import type { Magcli } from '../components/magcli/magcli.ts';
import type { Magds } from '../components/magds/magds.ts';
import type { DenialLog } from '../components/maggate/denials.ts';
import type { EndpointCount } from '../components/maggate/endpoint-usage.ts';
import type { EventStreams } from '../components/maggate/event-stream.ts';
import type { Metrics } from '../components/maggate/metrics.ts';
import type { Magui } from '../components/magui/magui.ts';
import type { JailLayer } from '../jail-report.ts';
import type { Registry } from '../registries/registries-file.ts';
import type { Resolved, ResolveRequest } from '../registries/resolve.ts';
import type { SearchResult } from '../registries/search.ts';
import type { JobStore } from '../storage/job-store.ts';
import type { RevocationLists } from '../trust/revocation-lists.ts';
import type { TrustAdmin } from '../trust/trust-admin.ts';

/** What this host is, for `GET /v1/host`. Holds no secret. */
export interface HostInfo {
  readonly name: string;
  readonly version: string;
  readonly node: string;
  readonly startedAt: Date;
  /** Kind and version: `embedded, PostgreSQL 18.4`. Never an address. */
  readonly database: string;
  /** Redacted. */
  readonly config: JsonObject;
  /** Every layer around the cells, on or off. */
  readonly jail: readonly JailLayer[];
  /** What this machine cannot provide, by name. */
  readonly degradations: readonly { readonly name: string; readonly detail: string }[];
}

/** Where packages are looked for by their ids. */
export interface RegistryDesk {
  list(): Promise<Registry[]>;
  /** @throws `E_BAD_REQUEST`, `E_EXISTS` */
  add(registry: Registry): Promise<Registry>;
  /** @throws `E_NOT_FOUND` */
  remove(name: string): Promise<void>;
  search(text: string): Promise<SearchResult>;
  /** Chooses versions and stages what is missing: all of it or nothing. */
  resolve(request: ResolveRequest, by: Principal): Promise<Resolved[]>;
}

/** The keys of extensions on this host. */
export type KeyAdmin = KeysAdapter['store'];

export interface SecretAdmin {
  /** Every secret there is or that an extension wants. No values. */
  list(): Promise<SecretRow[]>;
  /** Vaults that this host is connected with. */
  backends(): Promise<VaultConnection[]>;
  /** @throws `E_EXISTS` */
  addBackend(connection: VaultConnection): Promise<void>;
  /** @throws `E_NOT_FOUND`, `E_STATE` */
  removeBackend(name: string): Promise<void>;
}

/** How a store does. `holders` are the extensions that keep something there. */
export type StoreCheck =
  | ({ readonly name: string; readonly ok: true; readonly holders: readonly ExtensionId[] } & StoreReport)
  | { readonly name: string; readonly ok: false; readonly code: Code; readonly detail: string };

/** One line about a store. `postgres` is in the database of the host, and has no address. */
export interface StoreRow extends Omit<StoreRecord, 'kind' | 'url' | 'prefix'> {
  readonly kind: StoreRecord['kind'] | 'postgres';
  readonly url: string | null;
  readonly prefix: string | null;
}

/** The stores that extensions keep data in. */
export interface StoreAdmin {
  /** With the built-in one, which has no address. */
  list(): Promise<StoreRow[]>;
  /** @throws `E_BAD_REQUEST` for an address with credentials or none at all, `E_EXISTS` */
  add(record: StoreRecord, createdBy: string): Promise<StoreRecord & { readonly check: StoreCheck }>;
  /** @throws `E_STORE_UNKNOWN` */
  check(name: string): Promise<StoreCheck>;
  /** @throws `E_STORE_UNKNOWN`; without force `E_STATE` while data is kept there, `E_STORE_UNAVAILABLE` */
  remove(name: string, options: { readonly force: boolean }): Promise<void>;
}

/** What the control routes are built on. */
export interface ControlServices {
  readonly operator: Operator;
  readonly audit: Audit;
  readonly stores: Pick<Stores, 'audit' | 'events' | 'hosts' | 'logs'>;
  readonly auth: Magauth;
  readonly trust: TrustAdmin;
  readonly revocations: Pick<RevocationLists, 'known' | 'take'>;
  readonly registries: RegistryDesk;
  readonly jobs: JobStore;
  readonly magds: Magds;
  readonly magcli: Magcli;
  readonly magui: Magui;
  /** Origins of consoles elsewhere that may show frames. */
  readonly consoles: readonly string[];
  readonly keys: KeyAdmin;
  readonly secrets: SecretAdmin;
  readonly dataStores: StoreAdmin;
  readonly hostInfo: () => HostInfo;
  readonly logger: Logger;
  readonly streams: EventStreams;
  readonly metrics: Metrics;
  /** What the endpoints of an extension answered on this host. */
  readonly requests: (id: ExtensionId) => readonly EndpointCount[];
  /** Puts refusals on record. */
  readonly denials: DenialLog;
}
