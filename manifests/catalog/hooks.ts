// biome-ignore-all lint/style/noExcessiveLinesPerFile: one table: a row for each hook point, with the schemas of what its taps receive
import type { CapabilityName } from './capabilities.ts';
import type { ComponentId } from './components.ts';

/**
 * What a hook point means to its taps (spec 04). `guard`: it may be against it, by throwing an error with a code
 * of its own. `transform`: it returns the value changed. `observe`: it is told afterwards. `collect`: it
 * contributes an answer. `register`: nobody taps it; the manifest declares, for as long as it is enabled.
 */
export type HookKind = 'guard' | 'transform' | 'observe' | 'collect' | 'register';

interface Row {
  readonly component: ComponentId;
  readonly meaning: string;
  /** What an extension must hold to tap it, or to declare it. */
  readonly capability: CapabilityName;
}

export interface TappedRow extends Row {
  readonly kind: Exclude<HookKind, 'register'>;
  /** Time all taps of one firing share. */
  readonly budgetMs: number;
  /** JSON Schema of the value a tap receives and, for a transform, must return. */
  readonly payload: JsonSchema;
  /** JSON Schema of what a tap of a collect point returns. */
  readonly result?: JsonSchema;
  /** A tap of this transform may veto like a guard; one that fails counts as a veto. */
  readonly mayVeto?: true;
  /** What was asked for fails when a tap of this transform does, instead of going on without it. */
  readonly failsClosed?: true;
  /** Members of the value that a tap of this transform cannot change: the next one gets them as they were. */
  readonly readOnly?: readonly string[];
  /** A guard that gives no answer is passed over, instead of counting as a no. */
  readonly failsOpen?: true;
}

export interface RegisterRow extends Row {
  readonly kind: 'register';
  /** The member of `contributes` that declares it. */
  readonly contribution:
    | 'endpoints'
    | 'versions'
    | 'jobs'
    | 'schedules'
    | 'channels'
    | 'ssoProviders'
    | 'oidcProviders'
    | 'samlProviders'
    | 'roles'
    | 'commands'
    | 'help'
    | 'formats'
    | 'widgets'
    | 'panels'
    | 'explorers';
}

export type HookRow = TappedRow | RegisterRow;
export type JsonSchema = Readonly<Record<string, unknown>> | true;

const object = (properties: Readonly<Record<string, unknown>>, required = Object.keys(properties)) => ({
  type: 'object',
  required,
  additionalProperties: false,
  properties,
});
const text = { type: 'string' } as const;
const names = { type: 'array', items: { type: 'string', maxLength: 128 }, maxItems: 200 } as const;
/** A database of a project, and who asked: `token:<id>`, or the id of an extension. */
const database = { project: text, database: text } as const;
const asked = { ...database, by: text } as const;
const settings = {
  type: 'object',
  additionalProperties: { type: 'string', maxLength: 200 },
  maxProperties: 20,
};
const extension = { type: ['string', 'null'] } as const;

const headers = { type: 'object', additionalProperties: { type: 'string' }, maxProperties: 200 } as const;

/** Who asks; `null`: nobody who is known. */
const askingPrincipal = {
  anyOf: [object({ id: text, name: text, role: text }), { type: 'null' }],
} as const;
/** `null`: the request names none. */
const named = { anyOf: [text, { type: 'null' }] } as const;
/** A channel, written publisher/name/channel, in one tenant. */
const ofChannel = { channel: text, tenantId: text } as const;
/** The number of a message; `null`: the newest. */
const position = { anyOf: [{ type: 'integer' }, { type: 'null' }] } as const;

/** A request that is about to reach an endpoint: matched and authenticated, its body not read yet. */
const askedRequest = {
  type: 'object',
  required: ['principal', 'tenantId', 'method', 'path', 'extension', 'version', 'route', 'auth'],
  additionalProperties: false,
  properties: {
    principal: askingPrincipal,
    tenantId: { type: 'string' },
    method: { type: 'string' },
    path: { type: 'string' },
    extension: { type: 'string' },
    version: { type: 'integer' },
    route: { type: 'string' },
    auth: { type: 'string' },
  },
} as const;

/** `null`: not known, as of a body that came in chunks. */
const bytes = { anyOf: [{ type: 'integer', minimum: 0 }, { type: 'null' }] } as const;

const principal = object({ id: text, name: text, role: text });

/** The hook points this host fires. The table is the source for checks, types and reference pages. */
export const HOOKS = {
  'jobs.register_job': {
    component: 'jobs',
    kind: 'register',
    meaning: 'A job that is run in the background.',
    capability: 'system.background_jobs',
    contribution: 'jobs',
  },
  'jobs.register_schedule': {
    component: 'jobs',
    kind: 'register',
    meaning: 'Times at which a job is queued.',
    capability: 'system.cron_schedule',
    contribution: 'schedules',
  },
  'magauth.register_sso_provider': {
    component: 'magauth',
    kind: 'register',
    meaning: 'A provider that logs people in by credentials it checks itself, in its handler.',
    capability: 'auth.register_provider',
    contribution: 'ssoProviders',
  },
  'magauth.register_oidc_provider': {
    component: 'magauth',
    kind: 'register',
    meaning: 'A provider that speaks OpenID Connect. The host does the protocol.',
    capability: 'auth.register_provider',
    contribution: 'oidcProviders',
  },
  'magauth.register_saml_provider': {
    component: 'magauth',
    kind: 'register',
    meaning: 'A provider that speaks SAML 2.0. The host does the protocol.',
    capability: 'auth.register_provider',
    contribution: 'samlProviders',
  },
  'magauth.role_template': {
    component: 'magauth',
    kind: 'register',
    meaning: 'A role, and what it may do at the endpoints of the extension that declares it.',
    capability: 'auth.modify_roles',
    contribution: 'roles',
  },
  'magauth.permission_resolver': {
    component: 'magauth',
    kind: 'guard',
    meaning:
      'Whether a principal whose roles allow it may call an endpoint that asks for a role or a permission. Answered with 403. Never asked for the control API.',
    capability: 'auth.modify_roles',
    budgetMs: 1000,
    payload: object({ principal, tenantId: text, roles: names, wanted: text, extension: text, route: text }),
  },
  'magauth.membership_resolver': {
    component: 'magauth',
    kind: 'transform',
    failsClosed: true,
    readOnly: ['principal', 'tenantId', 'surfaceId', 'appId', 'projectId'],
    meaning:
      'Says what a principal is in a tenant and how the tenant is run, where `roles` and `mode` are what the host and the taps before say; `roles` null: it is no member. Asked before the request is let in, never for `t_system`. Answers are kept until the extension publishes an event of its own, for 30 s at most. When a tap fails the request does, with 503.',
    capability: 'auth.modify_roles',
    budgetMs: 3000,
    payload: object({
      principal: object({ id: text, kind: { enum: ['user', 'service', 'token'] } }),
      tenantId: text,
      surfaceId: named,
      appId: named,
      projectId: named,
      roles: { anyOf: [names, { type: 'null' }] },
      mode: { anyOf: [{ type: 'string', minLength: 1, maxLength: 128 }, { type: 'null' }] },
    }),
  },
  'magauth.audit_emitter': {
    component: 'magauth',
    kind: 'observe',
    meaning: 'Told of every audit record, of every tenant, once it is durable, on the host that wrote it.',
    capability: 'auth.audit_access',
    budgetMs: 5000,
    payload: object({
      sequence: { type: 'integer' },
      at: text,
      principal: text,
      tenant: text,
      action: text,
      target: text,
      outcome: { enum: ['ok', 'refused', 'failed'] },
      detail: { type: 'object' },
    }),
  },
  'magcli.register_command': {
    component: 'magcli',
    kind: 'register',
    meaning: 'A command of mag: mag <publisher>/<name>:<command>.',
    capability: 'cli.register_command',
    contribution: 'commands',
  },
  'magcli.extend_help': {
    component: 'magcli',
    kind: 'register',
    meaning: 'A text below the help of a command of mag.',
    capability: 'cli.register_command',
    contribution: 'help',
  },
  'magcli.add_output_format': {
    component: 'magcli',
    kind: 'register',
    meaning: 'A format for --output: <publisher>/<name>:<format>.',
    capability: 'cli.register_command',
    contribution: 'formats',
  },
  'magui.register_widget': {
    component: 'magui',
    kind: 'register',
    meaning: 'A widget of the console, shown in a frame.',
    capability: 'ui.register_widget',
    contribution: 'widgets',
  },
  'magui.register_panel': {
    component: 'magui',
    kind: 'register',
    meaning: 'A panel of the console, shown in a frame.',
    capability: 'ui.register_panel',
    contribution: 'panels',
  },
  'magui.extend_schema_explorer': {
    component: 'magui',
    kind: 'register',
    meaning: 'A view in the schema explorer of the console, shown in a frame.',
    capability: 'ui.modify_schema',
    contribution: 'explorers',
  },
  'magui.before_project_create': {
    component: 'magui',
    kind: 'guard',
    meaning: 'A project is about to be made.',
    capability: 'ui.modify_schema',
    budgetMs: 5000,
    payload: object({ project: text, tenant: text, by: text }),
  },
  'magui.after_schema_change': {
    component: 'magui',
    kind: 'observe',
    meaning: 'The schema of a database of a project is another one: a migration or a policy.',
    capability: 'ui.modify_schema',
    budgetMs: 5000,
    payload: object({ ...database, change: { enum: ['migration', 'policy'] }, name: text }),
  },
  'magui.on_user_action': {
    component: 'magui',
    kind: 'observe',
    meaning: 'Somebody did something in a frame of an extension. What was sent is not part of it.',
    capability: 'ui.register_panel',
    budgetMs: 5000,
    payload: object({ extension: text, frame: text, action: text, principal: text, tenant: text }),
  },
  'maggate.register_endpoint': {
    component: 'maggate',
    kind: 'register',
    meaning: 'An endpoint below /x/<publisher>/<name>/.',
    capability: 'api.register_endpoint',
    contribution: 'endpoints',
  },
  'maggate.add_version': {
    component: 'maggate',
    kind: 'register',
    meaning: 'A version of the API of an extension, below /v<n>/x/<publisher>/<name>/.',
    capability: 'api.register_endpoint',
    contribution: 'versions',
  },
  'maggate.wrap_request': {
    component: 'maggate',
    kind: 'transform',
    meaning:
      'Changes a request before the endpoint of an extension sees it. Credentials are never part of it.',
    capability: 'api.intercept_request',
    budgetMs: 1000,
    payload: {
      type: 'object',
      required: ['method', 'path', 'query', 'headers'],
      additionalProperties: false,
      properties: {
        method: { type: 'string' },
        path: { type: 'string' },
        query: { type: 'object' },
        headers,
        body: {},
      },
    },
  },
  'maggate.transform_response': {
    component: 'maggate',
    kind: 'transform',
    meaning:
      'Changes what the endpoint of an extension answered before it is sent. A body that streams is not shown, and stays.',
    capability: 'api.intercept_request',
    budgetMs: 1000,
    payload: {
      type: 'object',
      required: ['status', 'headers'],
      additionalProperties: false,
      properties: {
        status: { type: 'integer', minimum: 200, maximum: 599 },
        headers,
        body: {},
        request: {
          type: 'object',
          required: ['method', 'path'],
          additionalProperties: false,
          properties: { method: { type: 'string' }, path: { type: 'string' } },
        },
      },
    },
  },
  'magds.before_db_create': {
    component: 'magds',
    kind: 'guard',
    meaning: 'A database is about to be made in a project.',
    capability: 'database.admin',
    budgetMs: 5000,
    payload: object({ ...asked, tenant: text }),
  },
  'magds.on_extension_profile_select': {
    component: 'magds',
    kind: 'transform',
    meaning:
      'Chooses the Postgres extensions and settings a new database begins with. What the host does not trust is refused afterwards.',
    capability: 'database.admin',
    budgetMs: 5000,
    payload: object({ ...database, tenant: text, extensions: names, settings }),
  },
  'magds.after_db_create': {
    component: 'magds',
    kind: 'observe',
    meaning: 'A database was made in a project.',
    capability: 'database.read',
    budgetMs: 5000,
    payload: object({ ...asked, tenant: text, extensions: names, settings }),
  },
  'magds.before_migration': {
    component: 'magds',
    kind: 'guard',
    meaning:
      'Migrations are about to run: of an extension, in its own schema, or of an operator, in a database of a project (`extension` is null).',
    capability: 'database.admin',
    budgetMs: 5000,
    payload: object({ ...database, extension, migrations: names }),
  },
  'magds.after_migration': {
    component: 'magds',
    kind: 'observe',
    meaning: 'A migration ran, or was taken back (`down`).',
    capability: 'database.read',
    budgetMs: 5000,
    payload: object({ ...database, extension, migration: text, direction: { enum: ['up', 'down'] } }),
  },
  'magds.on_rls_policy_create': {
    component: 'magds',
    kind: 'transform',
    mayVeto: true,
    meaning:
      'Changes a row-level-security policy before it is made, or is against it. Which table it is for is there to read.',
    capability: 'database.admin',
    budgetMs: 5000,
    payload: object({
      ...database,
      table: text,
      name: text,
      command: { enum: ['all', 'select', 'insert', 'update', 'delete'] },
      permissive: { type: 'boolean' },
      using: { type: ['string', 'null'], maxLength: 8192 },
      check: { type: ['string', 'null'], maxLength: 8192 },
    }),
  },
  'magds.before_backup': {
    component: 'magds',
    kind: 'guard',
    meaning: 'A database is about to be backed up.',
    capability: 'database.admin',
    budgetMs: 5000,
    payload: object(asked),
  },
  'magds.after_restore': {
    component: 'magds',
    kind: 'observe',
    meaning: 'A database is again what it was when a backup was made.',
    capability: 'database.read',
    budgetMs: 5000,
    payload: object({ ...asked, backup: text }),
  },
  'magds.on_pitr_checkpoint': {
    component: 'magds',
    kind: 'observe',
    meaning: 'A restore point was made: a named place in the write-ahead log of the server.',
    capability: 'database.read',
    budgetMs: 5000,
    payload: object({ project: text, name: text, lsn: text, by: text }),
  },
  'magds.health_check_report': {
    component: 'magds',
    kind: 'collect',
    meaning: 'Adds to the health report of a project.',
    capability: 'database.read',
    budgetMs: 3000,
    payload: object({ project: text, databases: names }),
    result: object({ healthy: { type: 'boolean' }, details: { type: 'object', maxProperties: 50 } }, [
      'healthy',
    ]),
  },
  'maggate.rbac_resolver': {
    component: 'maggate',
    kind: 'guard',
    meaning:
      'Whether a principal may call an endpoint that asks for authentication. Answered with 403. Never asked for the control API.',
    capability: 'api.intercept_request',
    budgetMs: 1000,
    payload: askedRequest,
  },
  'maggate.rate_limit_strategy': {
    component: 'maggate',
    kind: 'guard',
    meaning:
      'Whether a call of an endpoint is one too many. Answered with 429. Never asked for the control API.',
    capability: 'api.intercept_request',
    budgetMs: 500,
    failsOpen: true,
    payload: askedRequest,
  },
  'maggate.usage_analytics_emitter': {
    component: 'maggate',
    kind: 'observe',
    meaning: 'Told of every call of an endpoint after it was answered.',
    capability: 'api.intercept_request',
    budgetMs: 5000,
    payload: {
      type: 'object',
      required: [
        ...['extension', 'version', 'method', 'route', 'status', 'durationMs', 'requestBytes'],
        ...['responseBytes', 'principal', 'tenantId', 'traceId', 'at'],
      ],
      additionalProperties: false,
      properties: {
        extension: { type: 'string' },
        version: { type: 'integer' },
        method: { type: 'string' },
        route: { type: 'string' },
        status: { type: 'integer' },
        durationMs: { type: 'number', minimum: 0 },
        requestBytes: bytes,
        responseBytes: bytes,
        principal: { anyOf: [{ type: 'string' }, { type: 'null' }] },
        tenantId: { type: 'string' },
        traceId: { type: 'string' },
        at: { type: 'string' },
      },
    },
  },
  'magws.register_channel': {
    component: 'magws',
    kind: 'register',
    meaning: 'A realtime channel that clients subscribe to at /ws.',
    capability: 'realtime.register_channel',
    contribution: 'channels',
  },
  'magws.subscribe_to_event': {
    component: 'magws',
    kind: 'guard',
    meaning:
      'Whether a client may subscribe to a channel, and to the events of the bus that come through it.',
    capability: 'realtime.subscribe_events',
    budgetMs: 1000,
    payload: object({ ...ofChannel, events: names, principal: askingPrincipal }),
  },
  'magws.broadcast_adapter': {
    component: 'magws',
    kind: 'transform',
    meaning:
      'Changes the data of a message before it is kept and sent to the clients in a channel. The rest is there to read.',
    capability: 'realtime.broadcast',
    budgetMs: 1000,
    payload: object({ ...ofChannel, data: {} }),
  },
  'magws.presence_stream': {
    component: 'magws',
    kind: 'observe',
    meaning: 'Somebody came to a channel, or left it: with the first of their connections, and the last.',
    capability: 'realtime.subscribe_events',
    budgetMs: 5000,
    payload: object({
      ...ofChannel,
      change: { enum: ['join', 'leave'] },
      member: object({ id: text, name: text }),
    }),
  },
  'magws.message_history': {
    component: 'magws',
    kind: 'collect',
    meaning:
      'A client asks what was said in a channel: each tap may add messages from elsewhere, such as an archive.',
    capability: 'realtime.broadcast',
    budgetMs: 2000,
    payload: object({ ...ofChannel, before: position, limit: { type: 'integer' } }),
    result: object({ messages: { type: 'array', maxItems: 200, items: object({ at: text, data: {} }) } }),
  },
  'magws.replay_events': {
    component: 'magws',
    kind: 'collect',
    meaning: 'A client asks for events once more: each tap may add events the log no longer has.',
    capability: 'realtime.broadcast',
    budgetMs: 2000,
    payload: object({ ...ofChannel, event: text, after: { type: 'integer' }, limit: { type: 'integer' } }),
    result: object({
      events: { type: 'array', maxItems: 200, items: object({ timestamp: text, data: {} }) },
    }),
  },
} as const satisfies Record<string, HookRow>;

/** The full name of a hook point: `<component>.<hook>`. */
export type HookName = keyof typeof HOOKS;

export function isHook(name: string): name is HookName {
  return Object.hasOwn(HOOKS, name);
}

/** The row of a hook point, typed wide. */
export function hookRow(name: HookName): HookRow {
  return HOOKS[name];
}

/** Whether extensions tap it; `register` points are declared in the manifest instead. */
export function isTapped(row: HookRow): row is TappedRow {
  return row.kind !== 'register';
}
