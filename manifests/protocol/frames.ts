import type { JsonObject } from '../json.ts';

/**
 * What a call into a guest aims at: a member of the definition that the extension exports, or a stream that an
 * endpoint of it answered with.
 */
export type GuestTargetKind =
  | 'lifecycle'
  | 'health'
  | 'endpoint'
  | 'hook'
  | 'event'
  | 'export'
  | 'job'
  | 'channel'
  | 'provider'
  | 'command'
  | 'format'
  | 'stream';

/** The event of health check 2: a guest without a handler for it takes it all the same. */
export const TEST_EVENT = 'extension.test';

/** What a channel of a definition may have; the target `channel` is named `greetings onMessage`. */
export const CHANNEL_HANDLERS = ['onSubscribe', 'onMessage', 'onUnsubscribe'] as const;

export interface GuestTarget {
  readonly kind: GuestTargetKind;
  /** `init`, `GET /greet/:name`, `maggate.wrap_request`, `database.query.executed`, … */
  readonly name: string;
}

/**
 * An endpoint whose body comes piece by piece answers `{ status?, headers?, stream }`: the number of a stream, and no
 * body. A call to the target `stream` of that name and to the same cell, with the payload `null`, is answered with the
 * next piece; with `"end"` it ends the stream. `bytes` is base64.
 */
export type StreamPiece = { readonly text: string } | { readonly bytes: string } | { readonly done: true };

/** An error as it crosses the wall, in either direction: text only. */
export interface WireError {
  readonly code: string;
  readonly message: string;
  /** Both only from guest to host, and only for the logs of the extension. */
  readonly stack?: string;
  readonly class?: string;
}

/** What the definition of a loaded extension offers. */
export interface GuestShape {
  readonly lifecycle: readonly string[];
  readonly health: boolean;
  readonly endpoints: readonly string[];
  readonly hooks: readonly string[];
  readonly events: readonly string[];
  /** Methods for other extensions. */
  readonly exports: readonly string[];
  readonly jobs: readonly string[];
  /** `greetings`, and for each of its handlers `greetings onMessage`. */
  readonly channels: readonly string[];
  /** Handlers of login providers. */
  readonly providers: readonly string[];
  readonly commands: readonly string[];
  readonly formats: readonly string[];
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** Host to cell. Ids are chosen by the host and never used twice in a cell. */
export type HostFrame =
  /** A piece of the module, in order; the `load` that follows carries the last one. */
  | { readonly t: 'load-part'; readonly code: string }
  | { readonly t: 'load'; readonly id: number; readonly load: CellLoad }
  /**
   * `payload` and `context` are JSON texts: the runner hands them on unread. With `after` it is begun when that call,
   * of the frame before, was answered with a value, and refused when it was not.
   */
  | {
      readonly t: 'call';
      readonly id: number;
      readonly after?: number | undefined;
      readonly target: GuestTarget;
      readonly payload: string;
      readonly context: string;
      readonly cpuMs: number;
    }
  | { readonly t: 'cancel'; readonly id: number }
  | { readonly t: 'host-reply'; readonly id: number; readonly value: string }
  | { readonly t: 'host-reply'; readonly id: number; readonly error: WireError }
  /** So many more bytes of host calls and log lines may be sent. */
  | { readonly t: 'credit'; readonly bytes: number }
  /** Finish what runs, take nothing new. */
  | { readonly t: 'drain' }
  | { readonly t: 'stop' };

/** Cell to host. Every one of them is hostile until the codec has looked at it. */
export type CellFrame =
  | { readonly t: 'hello'; readonly pid: number; readonly node: string }
  /** The guest has the call and is alive; the answer comes later. */
  | { readonly t: 'ack'; readonly id: number }
  | { readonly t: 'reply'; readonly id: number; readonly value: string; readonly cpuUs: number }
  | { readonly t: 'reply'; readonly id: number; readonly error: WireError; readonly cpuUs: number }
  /** `call` is the id of the call on whose behalf the guest asks; `params` is JSON text. */
  | {
      readonly t: 'host-call';
      readonly id: number;
      readonly call: number;
      readonly name: string;
      readonly params: string;
    }
  | {
      readonly t: 'log';
      readonly level: LogLevel;
      readonly message: string;
      readonly fields: string;
      readonly call: number;
    }
  | { readonly t: 'heartbeat'; readonly heapBytes: number; readonly cpuUs: number }
  /** What the guest was refused inside the cell since the last time; for the numbers only. */
  | { readonly t: 'refused'; readonly what: RefusedInside; readonly count: number }
  /** So many more bytes of calls and answers may be sent. */
  | { readonly t: 'credit'; readonly bytes: number };

/** Host calls over a limit, by its code, or log lines beyond the rate. */
export type RefusedInside = 'E_LIMIT_RATE' | 'E_LIMIT_OUTPUT' | 'logs';

/** All a cell is told about the extension it runs. No secret is part of it. */
export interface CellLoad {
  readonly extension: { readonly id: string; readonly version: string };
  /** The one ES module of the package. */
  readonly code: string;
  readonly config: JsonObject;
  /** Processor milliseconds that evaluating the module may take. */
  readonly cpuMs: number;
}

/** The environment of what names none. */
export const DEFAULT_ENV = 'prod';

/** Whom a request is from, in which tenant and to what end: made by the host, and the same wherever it leads (spec 04). */
export interface RequestContext {
  readonly tenantId: string;
  readonly env: string;
  readonly principal: { readonly id: string; readonly name: string; readonly role: string } | null;
  /** What the principal is in the tenant; `null` without a principal, and in what a request only led to: an event. */
  readonly membership: Membership | null;
  /** Of the surface, the app and the project that the caller names. */
  readonly surfaceId?: string;
  readonly appId?: string;
  readonly projectId?: string;
  /** How the tenant is run; `null` while nobody says. */
  readonly mode: string | null;
  /** W3C Trace Context: 32 hex digits. */
  readonly traceId: string;
}

export interface Membership {
  readonly tenantId: string;
  readonly roles: readonly string[];
}

/** What the guest is handed with a call. */
export interface GuestCallContext {
  readonly request: RequestContext | null;
  /** Milliseconds left until the host gives up. */
  readonly deadlineMs: number;
  /** The extension that called, for what it exports to others; `null`: the host. */
  readonly caller: string | null;
}
