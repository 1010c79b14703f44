import { type ScopeForm, scopeFormProblem } from './scope-form.ts';

/**
 * The capabilities this host enforces (spec 03). A capability that no adapter enforces yet is not in the
 * table, and a package that asks for it is refused with E_UNSUPPORTED: nothing is granted that means nothing.
 *
 * `scope` lists the keys a grant may be narrowed by. Keys of one `group` are alternatives (a table is in
 * scope by its own name or by its schema); every group that a scope mentions must match.
 */
export interface CapabilityRow {
  readonly family: string;
  readonly meaning: string;
  readonly scope: Readonly<Record<string, ScopeKey>>;
  /** A grant without a scope is refused. */
  readonly scopeRequired?: true;
}

export interface ScopeKey {
  readonly group: string;
  /** `exact`: the value is in the list. `prefix`: the value is the entry or lies below it (`/a` covers `/a/b`). */
  readonly match: 'exact' | 'prefix';
  /** How a value must be written to match anything; see scope-form.ts. */
  readonly form?: ScopeForm;
  /** A scope that leaves this key out would cover too much. */
  readonly required?: true;
  readonly meaning: string;
}

const relations = {
  tables: { group: 'relation', match: 'exact', meaning: 'Relations, written schema.name.' },
  schemas: { group: 'relation', match: 'exact', meaning: 'Every relation of these schemas.' },
} as const satisfies Record<string, ScopeKey>;

const mounts = {
  mounts: {
    group: 'mount',
    match: 'exact',
    // Nobody is lent a folder who does not ask for it by name: parse.ts.
    meaning: 'Folders that the operator lends, by name. A manifest that names none asks for none.',
  },
} as const satisfies Record<string, ScopeKey>;

const channels = {
  channels: {
    group: 'channel',
    match: 'exact',
    meaning: 'Channels, written publisher/name/channel.',
  },
} as const satisfies Record<string, ScopeKey>;

export const CAPABILITIES = {
  'database.read': { family: 'database', meaning: 'Read rows with SELECT.', scope: relations },
  'database.write': {
    family: 'database',
    meaning: 'INSERT, UPDATE, DELETE and MERGE rows.',
    scope: relations,
  },
  'database.schema': {
    family: 'database',
    meaning: 'ALTER TABLE and CREATE INDEX outside its own schema.',
    scope: relations,
    scopeRequired: true,
  },
  'database.admin': {
    family: 'database',
    meaning:
      'Create databases in the projects of the tenant it is asked for, and stand guard over what is done to databases.',
    scope: {},
  },
  'api.register_endpoint': {
    family: 'api',
    meaning: 'Serve HTTP endpoints below /x/<publisher>/<name>/.',
    scope: {},
  },
  'api.intercept_request': {
    family: 'api',
    meaning: 'See, refuse and change requests to extension endpoints, and change their responses.',
    scope: { paths: { group: 'path', match: 'prefix', meaning: 'Request paths, and all below them.' } },
  },
  'api.emit_events': { family: 'api', meaning: 'Publish events in its own namespace.', scope: {} },
  'cli.register_command': {
    family: 'cli',
    meaning: 'Add commands, help and output formats to mag.',
    scope: {},
  },
  'ui.register_widget': { family: 'ui', meaning: 'Show widgets in the console, each in a frame.', scope: {} },
  'ui.register_panel': { family: 'ui', meaning: 'Show panels in the console, each in a frame.', scope: {} },
  'ui.modify_schema': {
    family: 'ui',
    meaning: 'Add to the schema explorer of the console, in frames, and stand guard over new projects.',
    scope: {},
  },
  'realtime.register_channel': {
    family: 'realtime',
    meaning: 'Offer realtime channels to clients, and run the handlers of them.',
    scope: channels,
  },
  'realtime.subscribe_events': {
    family: 'realtime',
    meaning: 'Receive events from the bus, be told who is in a channel, and say who may subscribe to it.',
    // A grant of some types says nothing of channels, and the other way round.
    scope: {
      types: { group: 'subject', match: 'exact', meaning: 'Event types.' },
      channels: { ...channels.channels, group: 'subject' },
    },
  },
  'realtime.broadcast': {
    family: 'realtime',
    meaning:
      'Send messages to the clients in its channels, and change or add to what clients in channels get.',
    scope: channels,
  },
  'network.inbound': {
    family: 'network',
    meaning: 'Serve endpoints that ask for no token: webhooks, and those of the mutual-TLS listener.',
    scope: {},
  },
  'network.outbound': {
    family: 'network',
    meaning: 'Send HTTP requests through the mediated fetch.',
    scope: {
      origins: {
        group: 'origin',
        match: 'exact',
        form: 'origin',
        required: true,
        meaning: 'Origins it may ask, such as https://api.example.com.',
      },
      methods: { group: 'method', match: 'exact', form: 'method', meaning: 'HTTP methods, in capitals.' },
    },
    scopeRequired: true,
  },
  'system.background_jobs': {
    family: 'system',
    meaning: 'Queue jobs and have them run in the background.',
    scope: {},
  },
  'system.tenant_jobs': {
    family: 'system',
    meaning: 'Queue jobs that act for any tenant, from what it does for the control plane.',
    scope: {},
  },
  'system.cron_schedule': {
    family: 'system',
    meaning: 'Have jobs queued at the times of a schedule.',
    scope: {},
  },
  'filesystem.read': {
    family: 'filesystem',
    meaning: 'Read and list files below its own folder, and in mounts that it names.',
    scope: mounts,
  },
  'filesystem.write': {
    family: 'filesystem',
    meaning: 'Write and remove files below its own folder, and in mounts that it names.',
    scope: mounts,
  },
  'filesystem.temp_only': {
    family: 'filesystem',
    meaning: 'Read, write and remove files below its temporary folder, which is emptied at every start.',
    scope: {},
  },
  'system.metrics': {
    family: 'system',
    meaning: 'Count and measure things of its own, shown at /metrics.',
    scope: {},
  },
  'system.secrets': {
    family: 'system',
    meaning: 'Read the secrets its manifest names, where an operator has bound them.',
    // Taken from /secrets of the manifest where the author names none: parse.ts.
    scope: { names: { group: 'name', match: 'exact', meaning: 'Names of /secrets in the manifest.' } },
  },
  'system.secret_mappings': {
    family: 'system',
    meaning:
      'See and say where the secrets of the host and its extensions are kept, and that one was rotated. No value.',
    scope: {},
  },
  'auth.register_provider': {
    family: 'auth',
    meaning:
      'Log people in: with the OpenID Connect and SAML providers it declares, or by credentials that it checks itself.',
    scope: {
      tenants: {
        group: 'tenant',
        match: 'exact',
        required: true,
        meaning: 'Tenants that people are logged in to, such as t_acme.',
      },
    },
    scopeRequired: true,
  },
  'auth.modify_roles': {
    family: 'auth',
    meaning:
      'Give and take roles in the tenant it is asked for, never those of the host; declare roles, and stand guard over who may call what.',
    scope: { roles: { group: 'role', match: 'exact', meaning: 'Names of the roles.' } },
  },
  'auth.audit_access': {
    family: 'auth',
    meaning: 'Read the audit log of the tenant it is asked for, and be told of every new record.',
    scope: {},
  },
  'system.stores': {
    family: 'system',
    meaning: 'Keep data of its own in stores that operators connect, by their names.',
    scope: {
      names: { group: 'name', match: 'exact', meaning: 'Names of the stores; `postgres` is always one.' },
    },
  },
  'system.keys': {
    family: 'system',
    meaning: 'Sign and verify with keys of its own, which never leave the host.',
    scope: { keys: { group: 'key', match: 'exact', meaning: 'Names of its keys.' } },
  },
} as const satisfies Record<string, CapabilityRow>;

/** The name of a capability in the table. */
export type CapabilityName = keyof typeof CAPABILITIES;

/** A narrowing of a grant: for each key the values it covers. An empty list covers nothing. */
export type Scope = Readonly<Record<string, readonly string[]>>;

export function isCapability(name: string): name is CapabilityName {
  return Object.hasOwn(CAPABILITIES, name);
}

/** The row of a capability, typed wide enough to ask it for any scope key. */
export function capabilityRow(name: CapabilityName): CapabilityRow {
  return CAPABILITIES[name];
}

/** Values of a scope that are written so that they would never match, as sentences about the capability. */
export function scopeValueProblems(name: CapabilityName, scope: Scope): string[] {
  const keys = capabilityRow(name).scope;
  return Object.entries(scope).flatMap(([key, values]) => {
    const form = Object.hasOwn(keys, key) ? keys[key]?.form : undefined;
    if (form === undefined) return [];
    return values.flatMap((value) => {
      const problem = scopeFormProblem(form, value);
      return problem === null ? [] : [`has the scope ${key}, in which ${value} ${problem}`];
    });
  });
}
