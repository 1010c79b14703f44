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
  'filesystem.read': {
    family: 'filesystem',
    meaning: 'Read and list files below its own folder.',
    scope: {},
  },
  'filesystem.write': {
    family: 'filesystem',
    meaning: 'Write and remove files below its own folder.',
    scope: {},
  },
  'filesystem.temp_only': {
    family: 'filesystem',
    meaning: 'Read, write and remove files below its temporary folder, which is emptied at every start.',
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
