import type { Json } from '../json.ts';
import type { DeclaredContext as Context } from './context.ts';
import type { DeclaredOf, IsDeclared } from './declared.ts';
import type { Health, HookHandlers } from './hooks.ts';

/** Who calls an endpoint with `auth: "certificate"`. Texts are cut at 1,000 characters; the fingerprint is the identity. */
export interface ClientCertificate {
  /** SHA-256 of the certificate, hex. */
  readonly fingerprint: string;
  /** `C=US, O=Acme, CN=billing` */
  readonly subject: string;
  readonly issuer: string;
  /** Hex. */
  readonly serialNumber: string;
  /** ISO 8601. */
  readonly validTo: string;
  /** `DNS:billing.example.com, URI:spiffe://example.com/billing` */
  readonly altNames?: string;
}

/** A request as an endpoint receives it. Credentials are never part of it. */
export interface EndpointRequest<Params = Readonly<Record<string, string>>> {
  readonly method: string;
  /** Below `/x/<publisher>/<name>`. */
  readonly path: string;
  readonly params: Params;
  readonly query: Readonly<Record<string, string | string[]>>;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Parsed JSON, else text; of `multipart/form-data` a `FormBody`; else `null`. */
  readonly body: Json;
  /** The bytes as they came, base64: for endpoints with `auth: "none"`, and of a body that is neither JSON nor text. */
  readonly rawBody?: string;
  /** At an endpoint with `auth: "certificate"`: what the host has checked. */
  readonly certificate?: ClientCertificate;
}

/** The body of a `multipart/form-data` request: `request.body as FormBody`. */
export type FormBody = {
  /** A field that came more than once is a list. */
  readonly fields: { readonly [name: string]: string | readonly string[] };
  readonly files: readonly {
    readonly name: string;
    readonly filename: string;
    readonly type: string;
    readonly sizeBytes: number;
    /** Base64. */
    readonly content: string;
  }[];
};

/**
 * An object body is sent as JSON, a string as text, and what is iterated over piece by piece: each piece is asked for
 * when the client has taken the one before, within the limits of a call; all of them within ten minutes. `ctx` works
 * for all of it; `ctx.signal` is aborted and the iterator's `return()` called when nobody wants the rest.
 */
export interface EndpointResponse {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Json | AsyncIterable<string | Uint8Array | ArrayBuffer>;
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

type Phase = (ctx: Context) => Promise<void> | void;

/** A job as its handler receives it. */
export interface Job<Payload = Json> {
  readonly id: string;
  readonly name: string;
  readonly payload: Payload;
  /** Of this run: 1 is the first. */
  readonly attempt: number;
  readonly maxAttempts: number;
  /** The schedule it comes from. */
  readonly schedule: string | null;
}

/** A command line as its handler receives it: of the types the manifest says. */
export interface Invocation {
  readonly command: string;
  /** Arguments by their names; one that takes many is a list. What was not given is missing. */
  readonly args: Readonly<Record<string, Json>>;
  readonly options: Readonly<Record<string, Json>>;
  /** What was piped in; `null`: nothing. At most 256 KiB. */
  readonly stdin: string | null;
}

/** What a command says. */
export interface CommandResult {
  /** For people. Characters that steer a terminal are shown, not obeyed. */
  readonly text?: string;
  /** For programs, with `--output json`. */
  readonly data?: Json;
  /** 1: it was refused. Default 0. */
  readonly exitCode?: 0 | 1;
}

/** What the handler of a login provider receives. The host has verified it; of `sso` nobody has verified anything. */
export type Login =
  | { readonly kind: 'sso'; readonly username: string; readonly credentials: Json }
  | {
      readonly kind: 'oidc' | 'saml';
      /** `sub`, or the name id: whom the provider means. */
      readonly subject: string;
      /** Of the ID token and the user info; of SAML the attributes. */
      readonly claims: Readonly<Record<string, Json>>;
    };

/** Who that is. To refuse the login, throw an `ExtensionError`. */
export type Identity = {
  /** Of `sso` alone, and needed there: whom it logs in, always the same text for the same person. */
  readonly subject?: string;
  readonly name?: string;
  readonly email?: string;
  /** Of those that the manifest lists for this provider. Absent: its `defaultRoles`. */
  readonly roles?: readonly string[];
};

/** A connection of a client, as the handlers of a channel see it. */
export interface ChannelClient {
  /** Of the connection. */
  readonly id: string;
  /** `null`: nobody who is known, in a channel with `auth: "public"`. */
  readonly principal: { readonly id: string; readonly name: string; readonly role: string } | null;
  /** What the client sent along as it subscribed; else `null`. */
  readonly params: Json;
}

/** A message of a client, as `onMessage` receives it. */
export interface ChannelMessage<Data = Json> {
  readonly client: Omit<ChannelClient, 'params'>;
  readonly data: Data;
}

/** The handlers of a channel. Each may be against it by throwing an `ExtensionError`, whose code the client is told. */
export interface ChannelHandlers {
  /** Whether the client may subscribe: only `true` lets it. Without it, whom the manifest lets in may. */
  readonly onSubscribe?: (client: ChannelClient, ctx: Context) => Promise<boolean> | boolean;
  /** What it returns, as JSON, is the answer to the client. Nobody else hears of the message but by `ctx.realtime.broadcast`. */
  // biome-ignore lint/suspicious/noExplicitAny: the type of the data is the author's to name
  readonly onMessage?: (message: ChannelMessage<any>, ctx: Context) => unknown;
  /** The client has gone, or wants no more; it is not called when the host crashes. */
  readonly onUnsubscribe?: (client: ChannelClient, ctx: Context) => Promise<void> | void;
}

/** The names behind `:` in `GET /greet/:name`. */
type PathParams<Key extends string> = string extends Key
  ? Record<string, string>
  : Key extends `${infer Before}/${infer After}`
    ? PathParams<Before> & PathParams<After>
    : Key extends `:${infer Name}`
      ? Record<Name, string>
      : unknown;

type EndpointHandlers = {
  readonly [Key in DeclaredOf<'endpoints', string>]: (
    request: EndpointRequest<Readonly<PathParams<Key>>>,
    ctx: Context,
  ) => Promise<EndpointResponse> | EndpointResponse;
};

// biome-ignore lint/suspicious/noExplicitAny: without generated types the payload is the author's to name
type Subscribed = DeclaredOf<'subscribes', Record<string, any>>;

type EventHandlers = {
  readonly [Type in keyof Subscribed]: (
    event: EventEnvelope<Subscribed[Type]>,
    ctx: Context,
  ) => Promise<void> | void;
};

type JobHandlers = {
  // biome-ignore lint/suspicious/noExplicitAny: the type of the payload is the author's to name
  readonly [Name in DeclaredOf<'jobs', string>]: (job: Job<any>, ctx: Context) => Promise<void> | void;
};

type ExportHandlers = {
  // biome-ignore lint/suspicious/noExplicitAny: the types of a method are the author's to name
  readonly [Name in DeclaredOf<'exports', string>]: (params: any, ctx: Context) => Promise<Json> | Json;
};

type ProviderHandlers = {
  readonly [Name in DeclaredOf<'providers', string>]: (
    login: Login,
    ctx: Context,
  ) => Promise<Identity> | Identity;
};

type CommandHandlers = {
  readonly [Name in DeclaredOf<'commands', string>]: (
    invocation: Invocation,
    ctx: Context,
  ) => Promise<CommandResult> | CommandResult;
};

type ChannelsHandled = {
  readonly [Name in DeclaredOf<'channels', string>]: ChannelHandlers;
};

type FormatHandlers = {
  readonly [Name in DeclaredOf<'formats', string>]: (
    answer: Json,
    ctx: Context,
  ) => Promise<{ text: string }> | { text: string };
};

/** What an extension handles, by the families of its manifest. */
export interface Handlers {
  /** Keys are `METHOD /path` as in the manifest, `v2 METHOD /path` for a version above 1. */
  readonly endpoints: EndpointHandlers;
  readonly hooks: IsDeclared extends true
    ? Required<Pick<HookHandlers, DeclaredOf<'hooks', never> & keyof HookHandlers>>
    : HookHandlers;
  /** Keys are event types. */
  readonly events: EventHandlers;
  /** By the names in the manifest. A job that throws is tried again. */
  readonly jobs: JobHandlers;
  /** By the names in the manifest: who logs in with a provider. */
  readonly providers: ProviderHandlers;
  /** Commands of `mag`, by the names in the manifest. They act for whoever called, in the tenant of the call. */
  readonly commands: CommandHandlers;
  /** Output formats of `mag`, by the names in the manifest: the answer of any command as text. */
  readonly formats: FormatHandlers;
  /** By the names in the manifest; each must be there, `{}` for one without handlers. */
  readonly channels: ChannelsHandled;
  /** Methods for the extensions that depend on this one, by the names in the manifest; `ctx.caller` says who calls. */
  readonly exports: ExportHandlers;
}

/** With generated types: what the manifest contributes must be there, and nothing else may. */
type Contributed = IsDeclared extends true
  ? { [Family in keyof Handlers as keyof Handlers[Family] extends never ? never : Family]: Handlers[Family] }
  : Partial<Handlers>;

/** The default export of an extension. */
export interface ExtensionDefinition extends Contributed {
  /** Once, after the migrations ran. */
  readonly install?: Phase;
  /** At every start, before anything else. */
  readonly init?: Phase;
  /** At every start, when hooks and endpoints are in place. */
  readonly start?: Phase;
  readonly stop?: Phase;
  readonly uninstall?: Phase;
  readonly health?: (ctx: Context) => Promise<Health> | Health;
}

/** Types what an extension exports, and is nothing else: a plain object works too. */
export function defineExtension<Definition extends ExtensionDefinition>(
  definition: IsDeclared extends true ? ExtensionDefinition : Definition,
): IsDeclared extends true ? ExtensionDefinition : Definition {
  return definition;
}
