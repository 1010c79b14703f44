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
  readonly meaning: string;
}

const relations = {
  tables: { group: 'relation', match: 'exact', meaning: 'Relations, written schema.name.' },
  schemas: { group: 'relation', match: 'exact', meaning: 'Every relation of these schemas.' },
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
  'api.register_endpoint': {
    family: 'api',
    meaning: 'Serve HTTP endpoints below /x/<publisher>/<name>/.',
    scope: {},
  },
  'api.intercept_request': {
    family: 'api',
    meaning: 'Change requests to extension endpoints and their responses.',
    scope: { paths: { group: 'path', match: 'prefix', meaning: 'Request paths, and all below them.' } },
  },
  'api.emit_events': { family: 'api', meaning: 'Publish events in its own namespace.', scope: {} },
  'realtime.subscribe_events': {
    family: 'realtime',
    meaning: 'Receive events from the bus.',
    scope: { types: { group: 'type', match: 'exact', meaning: 'Event types.' } },
  },
  'network.inbound': {
    family: 'network',
    meaning: 'Serve endpoints that ask for no authentication, such as webhooks.',
    scope: {},
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
