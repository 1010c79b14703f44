import type { Json } from '../json.ts';
import type { DeclaredContext as Context } from './context.ts';
import type { AuditRecord } from './host-api.ts';

/** What `maggate.wrap_request` receives and returns. */
export interface HookedRequest {
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string | string[]>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Json;
}

/**
 * What `maggate.transform_response` receives and returns; `request` is there to read. The body of an answer that
 * streams is `null` and stays what it is.
 */
export interface HookedResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Json;
  readonly request?: { readonly method: string; readonly path: string };
}

/** A database of a project. `by` is who asked: `token:<id>`, or the id of an extension. */
export interface OfDatabase {
  readonly project: string;
  readonly database: string;
}

/** What `magds.before_db_create` receives. */
export interface DatabaseAsked extends OfDatabase {
  readonly tenant: string;
  readonly by: string;
}

/** What `magds.on_extension_profile_select` receives and returns; only the last two may be changed. */
export interface DatabaseProfile extends OfDatabase {
  readonly tenant: string;
  /** Postgres extensions, such as `pgcrypto`. */
  readonly extensions: readonly string[];
  /** Of the database: `{ "timezone": "UTC" }`. */
  readonly settings: Readonly<Record<string, string>>;
}

/** What `magds.before_migration` receives. `extension` is null for those of an operator. */
export interface MigrationsAsked extends OfDatabase {
  readonly extension: string | null;
  readonly migrations: readonly string[];
}

/** What `magds.after_migration` receives. */
export interface MigrationRan extends OfDatabase {
  readonly extension: string | null;
  readonly migration: string;
  readonly direction: 'up' | 'down';
}

/** What `magds.on_rls_policy_create` receives and returns; project, database, table and name stay as they are. */
export interface RowPolicy extends OfDatabase {
  /** `schema.name` */
  readonly table: string;
  readonly name: string;
  readonly command: 'all' | 'select' | 'insert' | 'update' | 'delete';
  /** False: it restricts what permissive ones allow. */
  readonly permissive: boolean;
  /** SQL expressions; `null` when there is none. */
  readonly using: string | null;
  readonly check: string | null;
}

/** What `magds.before_backup` receives. */
export interface BackupAsked extends OfDatabase {
  readonly by: string;
}

/** What `magds.after_restore` receives. */
export interface Restored extends BackupAsked {
  readonly backup: string;
}

/** What `magds.on_pitr_checkpoint` receives. */
export interface RestorePoint {
  readonly project: string;
  readonly name: string;
  /** The place in the write-ahead log: `0/1A2B3C8`. */
  readonly lsn: string;
  readonly by: string;
}

/** A guard is against it by throwing an `ExtensionError` with a code of its own; what it returns says nothing. */
type Guard<Value> = (value: Value, ctx: Context) => Promise<void> | void;
type Observer<Value> = (value: Value, ctx: Context) => Promise<void> | void;
type Transform<Value> = (value: Value, ctx: Context) => Promise<Value> | Value;

/**
 * What the guards `maggate.rbac_resolver` and `maggate.rate_limit_strategy` are asked about: a request that was
 * matched to its endpoint and authenticated. To be against it, throw an `ExtensionError`.
 */
export interface GuardedRequest {
  /** `null` at an endpoint with `auth: "none"`. */
  readonly principal: { readonly id: string; readonly name: string; readonly role: string } | null;
  readonly tenantId: string;
  readonly method: string;
  /** `/x/<publisher>/<name>/…`, decoded and encoded again: however a client writes it, and in whatever version. */
  readonly path: string;
  /** Whose endpoint it is. */
  readonly extension: string;
  /** Of the endpoint that will answer. */
  readonly version: number;
  /** `/greet/:name`, as its manifest has it. */
  readonly route: string;
  /** `none`, `user`, `certificate` or the name of a role. */
  readonly auth: string;
}

/** What `maggate.usage_analytics_emitter` is told. */
export interface EndpointUsage {
  /** Whose endpoint it was. */
  readonly extension: string;
  readonly version: number;
  readonly method: string;
  /** `/greet/:name`, as its manifest has it. */
  readonly route: string;
  /** As it was sent, also when the endpoint was never reached. */
  readonly status: number;
  readonly durationMs: number;
  /** Of the bodies; `null` when nobody counted them. */
  readonly requestBytes: number | null;
  readonly responseBytes: number | null;
  /** Its id; `null` for a request without one. */
  readonly principal: string | null;
  readonly tenantId: string;
  readonly traceId: string;
  /** ISO 8601. */
  readonly at: string;
}

/** What the guard `magauth.permission_resolver` is asked about. To be against it, throw an `ExtensionError`. */
export interface PermissionAsked {
  readonly principal: { readonly id: string; readonly name: string; readonly role: string };
  readonly tenantId: string;
  readonly roles: readonly string[];
  /** A role, or `permission:<permission>`: the `auth` of the endpoint. */
  readonly wanted: string;
  /** Whose endpoint it is. */
  readonly extension: string;
  /** `GET /greet/:name` */
  readonly route: string;
}

/**
 * What `magauth.membership_resolver` receives and returns: what a principal is in a tenant, by the host and the taps
 * before. `roles` and `mode` may be changed. Publish an event of your own whenever you would answer otherwise: until
 * then, and for 30 s at most, the host gives your last answer.
 */
export interface MembershipAsked {
  readonly principal: { readonly id: string; readonly kind: 'user' | 'service' | 'token' };
  readonly tenantId: string;
  /** What the request names; `null`: nothing. */
  readonly surfaceId: string | null;
  readonly appId: string | null;
  readonly projectId: string | null;
  /** `null`: it is no member, and the request is refused with 403. Roles of the host cannot be given. */
  readonly roles: readonly string[] | null;
  /** What `ctx.request.mode` will be. */
  readonly mode: string | null;
}

/** What `magui.before_project_create` receives. */
export interface ProjectAsked {
  readonly project: string;
  readonly tenant: string;
  /** `token:<id>`. */
  readonly by: string;
}

/** What `magui.after_schema_change` receives. */
export interface SchemaChanged extends OfDatabase {
  readonly change: 'migration' | 'policy';
  /** Of the migration or the policy. */
  readonly name: string;
}

/** What `magui.on_user_action` receives. */
export interface UserAction {
  readonly extension: string;
  /** The widget, panel or explorer. */
  readonly frame: string;
  /** `GET /path` of the endpoint that was called. */
  readonly action: string;
  readonly principal: string;
  readonly tenant: string;
}

/** A channel, written `publisher/name/channel`, in one tenant. */
interface OfChannel {
  readonly channel: string;
  readonly tenantId: string;
}

/** What `magws.subscribe_to_event` is asked about. */
export interface SubscriptionAsked extends OfChannel {
  /** Events of the bus that come through it. */
  readonly events: readonly string[];
  /** `null`: nobody who is known. */
  readonly principal: { readonly id: string; readonly name: string; readonly role: string } | null;
}

/** What `magws.broadcast_adapter` receives and returns; only the data may be changed. */
export interface BroadcastMessage extends OfChannel {
  readonly data: Json;
}

/** What `magws.presence_stream` is told. */
export interface PresenceChange extends OfChannel {
  readonly change: 'join' | 'leave';
  readonly member: { readonly id: string; readonly name: string };
}

/** What `magws.message_history` is asked about: messages before a number, `null` the newest. */
export interface HistoryAsked extends OfChannel {
  readonly before: number | null;
  readonly limit: number;
}

/** What `magws.replay_events` is asked about: events of a type above a number. */
export interface EventsAsked extends OfChannel {
  readonly event: string;
  readonly after: number;
  readonly limit: number;
}

export interface HookHandlers {
  'magws.subscribe_to_event'?: Guard<SubscriptionAsked>;
  'magws.broadcast_adapter'?: Transform<BroadcastMessage>;
  'magws.presence_stream'?: Observer<PresenceChange>;
  /** Messages from elsewhere; `at` is ISO 8601. */
  'magws.message_history'?: (
    asked: HistoryAsked,
    ctx: Context,
  ) => Promise<{ messages: { at: string; data: Json }[] }> | { messages: { at: string; data: Json }[] };
  /** Events from elsewhere; `timestamp` is ISO 8601. */
  'magws.replay_events'?: (
    asked: EventsAsked,
    ctx: Context,
  ) =>
    | Promise<{ events: { timestamp: string; data: Json }[] }>
    | { events: { timestamp: string; data: Json }[] };
  'magui.before_project_create'?: Guard<ProjectAsked>;
  'magui.after_schema_change'?: Observer<SchemaChanged>;
  'magui.on_user_action'?: Observer<UserAction>;
  'magds.before_db_create'?: Guard<DatabaseAsked>;
  'magds.on_extension_profile_select'?: Transform<DatabaseProfile>;
  'magds.after_db_create'?: Observer<DatabaseProfile & DatabaseAsked>;
  'magds.before_migration'?: Guard<MigrationsAsked>;
  'magds.after_migration'?: Observer<MigrationRan>;
  /** May be against it as a guard is. */
  'magds.on_rls_policy_create'?: Transform<RowPolicy>;
  'magds.before_backup'?: Guard<BackupAsked>;
  'magds.after_restore'?: Observer<Restored>;
  'magds.on_pitr_checkpoint'?: Observer<RestorePoint>;
  'magds.health_check_report'?: (
    project: { readonly project: string; readonly databases: readonly string[] },
    ctx: Context,
  ) => Promise<Health> | Health;
  'maggate.wrap_request'?: (request: HookedRequest, ctx: Context) => Promise<HookedRequest> | HookedRequest;
  'maggate.transform_response'?: (
    response: HookedResponse,
    ctx: Context,
  ) => Promise<HookedResponse> | HookedResponse;
  /** No answer in time, or an error without a code of its own, counts as a no. */
  'maggate.rbac_resolver'?: (request: GuardedRequest, ctx: Context) => Promise<void> | void;
  /** No answer in time, or an error without a code of its own, lets the request pass. */
  'maggate.rate_limit_strategy'?: (request: GuardedRequest, ctx: Context) => Promise<void> | void;
  'maggate.usage_analytics_emitter'?: (usage: EndpointUsage, ctx: Context) => Promise<void> | void;
  'magauth.permission_resolver'?: Guard<PermissionAsked>;
  /** When it throws or is late, requests in the tenant are answered with 503. */
  'magauth.membership_resolver'?: Transform<MembershipAsked>;
  'magauth.audit_emitter'?: Observer<AuditRecord>;
}

export interface Health {
  readonly healthy: boolean;
  readonly details?: Record<string, Json>;
}
