import type { IncomingHttpHeaders } from 'node:http';
import type { MagwsHooks } from '../../../adapters/magws/index.ts';
import type { ComponentEvent } from '../../../kernel/adapter.ts';
import type { GuestHost } from '../../../kernel/operator.ts';
import type { EventLog, Logger } from '../../../kernel/ports.ts';
import type { RequestContext } from '../../../manifests/protocol/frames.ts';
import type { ChannelStore } from '../../storage/channel-store.ts';

/** What a connection may do. */
export interface Limits {
  /** Pages of these origins may connect, besides those of the host; `*`: any. */
  readonly origins: readonly string[];
  readonly connections: number;
  readonly perAddress: number;
  readonly perPrincipal: number;
  /** Messages and pings in a second; twice as many at once. */
  readonly rate: number;
  readonly heartbeatMs: number;
  readonly slowMs: number;
}

/** What the component is built on. */
export interface RealtimeParts {
  readonly store: ChannelStore;
  readonly events: EventLog;
  readonly guests: GuestHost;
  readonly hooks: MagwsHooks;
  readonly emit: (event: ComponentEvent) => Promise<void>;
  readonly logger: Logger;
  readonly limits: Limits;
}

/** Where a connection comes from. */
export interface Visitor {
  readonly headers: IncomingHttpHeaders;
  readonly address: string;
  /** Of all that is done for the connection: W3C Trace Context. */
  readonly traceId: string;
}

/** Somebody whose token is good. */
export interface Admitted {
  readonly context: RequestContext;
  /** When the token ends; `null`: never. */
  readonly expiresAt: Date | null;
  /** It may hear, and say nothing. */
  readonly readOnly: boolean;
  /** Whether the token and what its principal is in the tenant are as they were. */
  stillGood(): Promise<boolean>;
}

/** Says who connects: the gateway, as it does for requests. */
export interface Door {
  /**
   * @param tenant that is named beside the headers
   * @throws `E_AUTH_REQUIRED`, `E_FORBIDDEN`, `E_RATE_LIMITED`, `E_BAD_REQUEST`
   */
  admit(visitor: Visitor, token: string, tenant?: string): Promise<Admitted>;
  /** The context of who is not known. @throws `E_FORBIDDEN`, `E_BAD_REQUEST` */
  anonymous(visitor: Visitor): RequestContext;
}
