import { type Context, ExtensionError } from '#sdk';

export const CONTROL_PLANE = 't_system';

/** A kind of data, and whose: empty coordinates are those of nobody in particular. */
export interface Scope {
  readonly kind: string;
  readonly surface: string;
  readonly app: string;
  readonly project: string;
}

const KIND = /^[a-z][a-z0-9_-]{0,62}$/;
const ID = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;
const TENANT = /^t_[a-z0-9_-]{1,78}$/;
const STORE = /^[a-z][a-z0-9-]{0,31}$/;

/** The members of what somebody sent. @throws `BAD_REQUEST` */
export function members(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw bad('an object is needed');
}

/** @throws `BAD_REQUEST` */
export function scopeIn(value: unknown): Scope {
  const { kind, surface, app, project } = members(value);
  return {
    kind: kindIn(kind),
    surface: coordinate(surface, 'surface'),
    app: coordinate(app, 'app'),
    project: coordinate(project, 'project'),
  };
}

export function tenantIn(value: unknown): string {
  return matching(value, TENANT, 'tenant');
}

export function kindIn(value: unknown): string {
  return matching(value, KIND, 'kind');
}

export function storeIn(value: unknown): string {
  return matching(value, STORE, 'store');
}

/** The tenant this is done for: what runs without a request belongs to the control plane. */
export function tenantOf({ request }: Pick<Context, 'request'>): string {
  return request?.tenantId ?? CONTROL_PLANE;
}

/** @throws `WRONG_TENANT` in a tenant */
export function requireControlPlane(ctx: Pick<Context, 'request'>): void {
  if (tenantOf(ctx) !== CONTROL_PLANE)
    throw new ExtensionError('WRONG_TENANT', 'routing is changed by operators of t_system');
}

/** Tenants see what is theirs, and the defaults. @throws `WRONG_TENANT` */
export function requireSeen(ctx: Pick<Context, 'request'>, tenant: string): void {
  const own = tenantOf(ctx);
  if (own !== CONTROL_PLANE && own !== tenant && tenant !== CONTROL_PLANE)
    throw new ExtensionError('WRONG_TENANT', 'that is another tenant than the one this request acts in');
}

/** `feature_flags for tenant t_acme, app shop`: as people are told. */
export function scopeText(tenant: string, { kind, surface, app, project }: Scope): string {
  const parts = Object.entries({ surface, app, project }).filter(([, value]) => value !== '');
  return [`${kind} for tenant ${tenant}`, ...parts.map(([name, value]) => `${name} ${value}`)].join(', ');
}

export function tenantErased(tenant: string): ExtensionError {
  return new ExtensionError('TENANT_ERASED', `tenant ${tenant} was erased: nothing is kept for it`);
}

export function bad(detail: string): ExtensionError {
  return new ExtensionError('BAD_REQUEST', detail);
}

function coordinate(value: unknown, name: string): string {
  return value === undefined || value === null || value === '' ? '' : matching(value, ID, name);
}

function matching(value: unknown, pattern: RegExp, name: string): string {
  if (typeof value === 'string' && pattern.test(value)) return value;
  throw bad(`${name} does not match ${pattern.source}`);
}
