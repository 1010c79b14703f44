import type { Json } from '../json.ts';
import type { Context } from './host-api.ts';

/** A request as an endpoint receives it. Credentials are never part of it. */
export interface EndpointRequest {
  readonly method: string;
  /** Below `/x/<publisher>/<name>`. */
  readonly path: string;
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string | string[]>>;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Parsed JSON, else text, else `null`. */
  readonly body: Json;
  /** The bytes as they came, base64, for endpoints with `auth: "none"` (to verify a webhook's signature). */
  readonly rawBody?: string;
}

/** An object body is sent as JSON, a string as text. */
export interface EndpointResponse {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Json;
}

/** An event as a subscriber receives it (spec 05). Delivery is at least once: be idempotent by `event_id`. */
export interface EventEnvelope<Data = Json> {
  readonly event_id: string;
  readonly event_type: string;
  readonly schema_version: number;
  readonly timestamp: string;
  readonly source: { readonly component: string; readonly extension: string | null };
  readonly sequence: number;
  readonly data: Data;
  readonly context: Readonly<Record<string, string | null>>;
  readonly replay?: boolean;
}

/** What `maggate.wrap_request` receives and returns. */
export interface HookedRequest {
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string | string[]>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Json;
}

/** What `maggate.transform_response` receives and returns; `request` is there to read. */
export interface HookedResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Json;
  readonly request?: { readonly method: string; readonly path: string };
}

export interface HookHandlers {
  'maggate.wrap_request'?: (request: HookedRequest, ctx: Context) => Promise<HookedRequest> | HookedRequest;
  'maggate.transform_response'?: (
    response: HookedResponse,
    ctx: Context,
  ) => Promise<HookedResponse> | HookedResponse;
}

export interface Health {
  readonly healthy: boolean;
  readonly details?: Record<string, Json>;
}

type Phase = (ctx: Context) => Promise<void> | void;

/** The default export of an extension. Every member is optional; what the manifest contributes must be there. */
export interface ExtensionDefinition {
  /** Once, after the migrations ran. */
  readonly install?: Phase;
  /** At every start, before anything else. */
  readonly init?: Phase;
  /** At every start, when hooks and endpoints are in place. */
  readonly start?: Phase;
  readonly stop?: Phase;
  readonly uninstall?: Phase;
  readonly health?: (ctx: Context) => Promise<Health> | Health;
  /** Keys are `METHOD /path` as in the manifest. */
  readonly endpoints?: Readonly<
    Record<string, (request: EndpointRequest, ctx: Context) => Promise<EndpointResponse> | EndpointResponse>
  >;
  readonly hooks?: Readonly<HookHandlers>;
  /** Keys are event types. */
  readonly events?: Readonly<
    // biome-ignore lint/suspicious/noExplicitAny: the type of the payload is the author's to name
    Record<string, (event: EventEnvelope<any>, ctx: Context) => Promise<void> | void>
  >;
}

/** Types what an extension exports, and is nothing else: a plain object works too. */
export function defineExtension<Definition extends ExtensionDefinition>(definition: Definition): Definition {
  return definition;
}
