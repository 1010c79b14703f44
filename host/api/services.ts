import type { Audit, Operator } from '../../kernel/operator.ts';
import type { Logger, Stores } from '../../kernel/ports.ts';
import type { JailLayer } from '../../kernel/sandbox/index.ts';
import type { TrustPolicy } from '../../kernel/trust/policy.ts';
import type { KeyToTrust } from '../../kernel/trust/policy-edit.ts';
import type { JsonObject } from '../../manifests/json.ts';
import type { TokenStore } from '../components/magauth/ports.ts';
import type { EventStreams } from '../components/maggate/event-stream.ts';
import type { Metrics } from '../components/maggate/metrics.ts';

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

/** The trust policy as an owner edits it. Every change is durable and in force when it resolves. */
export interface TrustAdmin {
  policy(): Promise<TrustPolicy>;
  /** @throws `E_BAD_REQUEST` when the publisher or key is none */
  addKey(key: KeyToTrust): Promise<void>;
  /** Without a key id: all trust in the publisher. @throws `E_NOT_FOUND` */
  remove(publisher: string, keyId?: string): Promise<void>;
}

/** What the control routes are built on. */
export interface ControlServices {
  readonly operator: Operator;
  readonly audit: Audit;
  readonly stores: Pick<Stores, 'audit' | 'events' | 'logs'>;
  readonly tokens: TokenStore;
  readonly trust: TrustAdmin;
  readonly hostInfo: () => HostInfo;
  readonly logger: Logger;
  readonly streams: EventStreams;
  readonly metrics: Metrics;
  /** Makes a revocation hold at once on this host. */
  readonly forgetTokens: () => void;
}
