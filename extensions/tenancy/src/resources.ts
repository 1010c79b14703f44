import { type Field, matching, maybe, object, oneOf, PATTERNS, roles, text } from './fields.ts';

/** What there is, and where it is kept. Rows that belong to a tenant are keyed by it and by `key`. */
export interface Resource {
  /** Of its events and in messages. */
  readonly name: string;
  readonly table: string;
  readonly key: string;
  readonly ofTenant: boolean;
  readonly fields: Readonly<Record<string, Field>>;
  /** Query parameters that narrow a list, by the column they are compared with. */
  readonly filters: readonly string[];
  /** Those of `t_system` are for every tenant to see, and no tenant has one of the same id. */
  readonly isShared: boolean;
  /** What says that it was there: removing sets the status instead. */
  readonly tombstone?: string;
}

const name: Field = { column: 'name', cast: 'text', required: true, check: text };
const json = (column: string): Field => ({ column, cast: 'jsonb', check: object });
const status = (...names: string[]): Field => ({ column: 'status', cast: 'text', check: oneOf(...names) });
const key = (column: string, pattern: RegExp): Field => ({
  column,
  cast: 'text',
  required: true,
  fixed: true,
  check: matching(pattern),
});
const surface: Field = { column: 'surface', cast: 'text', required: true, check: matching(PATTERNS.id) };
const archivable = status('active', 'archived');

export const TENANTS: Resource = {
  name: 'tenant',
  table: 'tenants',
  key: 'id',
  ofTenant: false,
  isShared: false,
  fields: {
    id: key('id', PATTERNS.tenant),
    name,
    settings: json('settings'),
    status: status('active', 'suspended'),
  },
  filters: ['status'],
};

export const USERS: Resource = {
  name: 'user',
  table: 'users',
  key: 'id',
  ofTenant: false,
  isShared: false,
  fields: {
    id: key('id', PATTERNS.principal),
    name: { ...name, required: true },
    email: { column: 'email', cast: 'text', check: maybe(text) },
    status: status('active', 'suspended'),
  },
  filters: ['status', 'email'],
};

export const MEMBERSHIPS: Resource = {
  name: 'membership',
  table: 'memberships',
  key: 'principal',
  ofTenant: true,
  isShared: false,
  tombstone: 'removed',
  fields: {
    principal: key('principal', PATTERNS.principal),
    roles: { column: 'roles', cast: 'text[]', required: true, check: roles },
    status: status('active', 'suspended', 'removed'),
  },
  filters: ['status', 'roles'],
};

export const SURFACES: Resource = {
  name: 'surface',
  table: 'surfaces',
  key: 'id',
  ofTenant: true,
  isShared: true,
  fields: {
    id: key('id', PATTERNS.id),
    name,
    policies: json('policies'),
    defaults: json('defaults'),
    status: archivable,
  },
  filters: ['status'],
};

export const APPS: Resource = {
  name: 'app',
  table: 'apps',
  key: 'id',
  ofTenant: true,
  isShared: true,
  fields: { id: key('id', PATTERNS.id), name, surface, settings: json('settings'), status: archivable },
  filters: ['status', 'surface'],
};

export const SUBSCRIPTIONS: Resource = {
  name: 'subscription',
  table: 'subscriptions',
  key: 'app',
  ofTenant: true,
  isShared: false,
  fields: {
    app: key('app', PATTERNS.id),
    settings: json('settings'),
    status: status('active', 'cancelled'),
  },
  filters: ['status'],
};

export const PROJECTS: Resource = {
  name: 'project',
  table: 'projects',
  key: 'id',
  ofTenant: true,
  isShared: false,
  fields: {
    id: key('id', PATTERNS.id),
    name,
    app: { column: 'app', cast: 'text', check: maybe(matching(PATTERNS.id)) },
    settings: json('settings'),
    status: archivable,
  },
  filters: ['status', 'app'],
};

/** What belongs to a tenant, by the name in paths and in exports. */
export const OF_TENANT = {
  memberships: MEMBERSHIPS,
  surfaces: SURFACES,
  apps: APPS,
  subscriptions: SUBSCRIPTIONS,
  projects: PROJECTS,
} as const;
