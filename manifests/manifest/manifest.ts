import type { Scope } from '../catalog/index.ts';
import type { Json, JsonObject } from '../json.ts';

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
  /** What `ctx.secrets.get` may be asked for. */
  readonly secrets: readonly SecretRequest[];
  /** Folder of `NNNN_name.up.sql` and `.down.sql` in the package. */
  readonly migrations?: string;
  readonly limits: Limits;
  readonly health: { readonly intervalSeconds: number };
  readonly isolation: { readonly process: 'dedicated' | 'shared'; readonly jit: boolean };
}

/** What `manifest.json` of a bundle says: it has no code, only members that are moved as one (spec 02). */
export interface BundleManifest {
  readonly manifestVersion: 1;
  readonly kind: 'bundle';
  readonly id: ExtensionId;
  readonly version: string;
  readonly displayName: string;
  readonly description: string;
  readonly license?: string;
  readonly engines: { readonly magflock: string };
  /** Member id to semver range. */
  readonly extensions: Readonly<Record<ExtensionId, string>>;
}

export type AnyManifest = Manifest | BundleManifest;

export interface CapabilityRequest {
  /** Not yet checked against the catalogue: an unknown name is refused at staging. */
  readonly name: string;
  readonly reason: string;
  readonly scope?: Scope;
}

export interface SecretRequest {
  /** `[A-Z][A-Z0-9_]*` */
  readonly name: string;
  readonly reason: string;
}

export interface Contributions {
  readonly endpoints: readonly EndpointContribution[];
  /** Every version that an endpoint is of, lowest first. */
  readonly versions: readonly VersionContribution[];
  readonly hooks: readonly HookContribution[];
  readonly events: {
    readonly subscribes: readonly string[];
    /** Those of `subscribes` with `delivery: "transactional"`. */
    readonly transactional: readonly string[];
    readonly publishes: readonly { readonly type: string; readonly schema: string }[];
  };
  readonly exports: readonly ExportContribution[];
  readonly jobs: readonly JobContribution[];
  readonly schedules: readonly ScheduleContribution[];
  readonly channels: readonly ChannelContribution[];
  readonly ssoProviders: readonly SsoProvider[];
  readonly oidcProviders: readonly OidcProvider[];
  readonly samlProviders: readonly SamlProvider[];
  readonly roles: readonly RoleContribution[];
  readonly commands: readonly CommandContribution[];
  readonly help: readonly HelpContribution[];
  readonly formats: readonly FormatContribution[];
  readonly widgets: readonly FrameContribution[];
  readonly panels: readonly FrameContribution[];
  /** Views of the schema explorer. */
  readonly explorers: readonly FrameContribution[];
}

/** A realtime channel: `<publisher>/<name>/<channel>` at `/ws`. Each tenant has its own. */
export interface ChannelContribution {
  readonly name: string;
  /** Who may subscribe: `user`, any principal; `public`, also who is not known. */
  readonly auth: 'user' | 'public';
  /** How many messages are kept for those who come later. */
  readonly history: number;
  /** Events of the bus that come through it, those of the tenant only. */
  readonly events: readonly string[];
}

/** What every way of logging in has in common. */
interface LoginProvider {
  readonly name: string;
  /** For people. */
  readonly title: string;
  /** Whom it logs in is a principal of this tenant. */
  readonly tenant: string;
  /** All that its handler may answer with. Never one of the host. */
  readonly roles: readonly string[];
  /** What everybody gets whom the handler gives none; among `roles`. */
  readonly defaultRoles: readonly string[];
}

/** The handler `providers.<name>` checks the credentials. */
export interface SsoProvider extends LoginProvider {
  readonly kind: 'sso';
}

export interface OidcProvider extends LoginProvider {
  readonly kind: 'oidc';
  /** `https://login.example.com`; `http` on loopback only. */
  readonly issuer: string;
  readonly clientId: string;
  /** The name of the client secret in `/secrets`. Absent: a public client. */
  readonly secret?: string;
  readonly scopes: readonly string[];
  /** Whether the handler `providers.<name>` is asked who that is. */
  readonly map: boolean;
}

export interface SamlProvider extends LoginProvider {
  readonly kind: 'saml';
  /** The entity id of the identity provider. */
  readonly idpEntityId: string;
  /** Where browsers are sent to (HTTP-Redirect binding). */
  readonly entryPoint: string;
  /** Certificates that its signatures verify with, PEM. */
  readonly certificates: readonly string[];
  readonly map: boolean;
}

export type ProviderContribution = SsoProvider | OidcProvider | SamlProvider;

/** A role, and the permissions it has at the endpoints of the extension that declares it. */
export interface RoleContribution {
  readonly name: string;
  readonly description: string;
  /** What endpoints ask for as `auth: "permission:<permission>"`. */
  readonly permissions: readonly string[];
}

/** `mag <publisher>/<name>:<command>` */
export interface CommandContribution {
  readonly name: string;
  readonly description: string;
  /** `user` (any principal), or the name of a role. */
  readonly auth: string;
  /** In their order; those that are not required come last, and the last may take many. */
  readonly args: readonly CommandArgument[];
  readonly options: readonly CommandOption[];
}

export interface CommandArgument {
  readonly name: string;
  readonly description: string;
  readonly type: 'string' | 'number' | 'integer';
  readonly required: boolean;
  readonly variadic: boolean;
}

export interface CommandOption {
  /** `--name` */
  readonly name: string;
  /** `-n` */
  readonly short?: string;
  readonly description: string;
  readonly type: 'string' | 'number' | 'integer' | 'boolean';
  readonly choices?: readonly string[];
  readonly required: boolean;
}

/** A text below the help of a command of `mag` itself. */
export interface HelpContribution {
  readonly command: string;
  readonly text: string;
}

/** `--output <publisher>/<name>:<format>` */
export interface FormatContribution {
  readonly name: string;
  readonly description: string;
}

/** What the console shows in a frame. */
export interface FrameContribution {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  /** A page of the package: `ui/clock.html`. */
  readonly page: string;
  /** Who sees it: `user` (any principal), or the name of a role. */
  readonly auth: string;
}

export interface JobContribution {
  readonly name: string;
  /** How often it is tried before it has failed. */
  readonly maxAttempts: number;
  /** How many of it run at once, on all hosts together. */
  readonly concurrency: number;
  /** Milliseconds that one run may take. Absent: the `wallMs` of the limits. */
  readonly timeoutMs?: number;
}

export interface ScheduleContribution {
  readonly name: string;
  /** Minute, hour, day of the month, month, day of the week. */
  readonly cron: string;
  /** IANA name. */
  readonly timezone: string;
  /** What is queued. Absent: the job of the same name. */
  readonly job?: string;
  readonly payload?: Json;
}

/** A method that extensions which depend on this one may call. */
export interface ExportContribution {
  readonly name: string;
  /** Who may: extension ids, or `<publisher>/*`. Absent: whoever names this one as a dependency. */
  readonly to?: readonly string[];
}

export interface EndpointContribution {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Below `/x/<publisher>/<name>`; `:name` segments become `params`. */
  readonly path: string;
  /**
   * `none`, `user` (any principal), `certificate` (whom the mutual-TLS listener knows), the name of a role, or
   * `permission:<permission>`.
   */
  readonly auth: string;
  /** The host verifies the signature of every request before the extension is called. */
  readonly webhook?: WebhookDeclaration;
  /** Of the API that the extension serves, 1 to 99. */
  readonly version: number;
  /** For the description of the API. */
  readonly summary?: string;
  /** JSON Schema of the body. Who sends another one is refused before the extension is called. */
  readonly request?: JsonObject;
  /** JSON Schema of the body of a good answer, for the description of the API. */
  readonly response?: JsonObject;
}

/** How the sender of a webhook signs: an HMAC over the bytes of the body, in a header. */
export interface WebhookDeclaration {
  /** The name of the secret that both sides know. */
  readonly secret: string;
  readonly header: string;
  readonly algorithm: 'sha1' | 'sha256' | 'sha512';
  readonly encoding: 'hex' | 'base64';
  /** What the header begins with: `sha256=`. */
  readonly prefix: string;
  /** `stripe`: the header is `t=<seconds>,v1=<signature>`, and `<seconds>.` is signed before the body. */
  readonly scheme: 'body' | 'stripe';
  /** How old, or early, a signature that says when it was made may be. */
  readonly toleranceSeconds: number;
}

/** A version of the API of an extension: `/v2/x/<publisher>/<name>`. */
export interface VersionContribution {
  readonly version: number;
  /** The day from which on clients are told to move on: `2027-01-31`. */
  readonly deprecated?: string;
  /** The day it is announced to go away. It is served until the extension no longer declares it. */
  readonly sunset?: string;
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
