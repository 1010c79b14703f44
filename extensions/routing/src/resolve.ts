import { type Context, ExtensionError, type Json, type JsonObject } from '#sdk';
import { CONTROL_PLANE, type Scope, scopeText } from './scope.ts';

/** What an entry says, and where in the tenants it stands. */
export interface Route {
  readonly id: string;
  readonly tenant: string;
  readonly surface: string;
  readonly app: string;
  readonly project: string;
  readonly store: string;
  readonly config: JsonObject;
  readonly version: number;
}

/** Entries `e` that say something of the kind and scope of `p`. */
export const MATCHES = `e.kind = p.kind AND e.store IS NOT NULL AND e.tenant IN (p.tenant, 't_system')
  AND e.surface IN ('', p.surface) AND e.app IN ('', p.app) AND e.project IN ('', p.project)`;

/** The most specific first: what the tenant says itself, and there project, app, surface. */
export const MOST_SPECIFIC = `(e.tenant = p.tenant) DESC, (e.project <> '') DESC, (e.app <> '') DESC,
  (e.surface <> '') DESC`;

const COLUMNS = 'e.id, e.tenant, e.surface, e.app, e.project, e.store, e.config, e.version';

/** All entries that say something, the one that holds first. */
export async function candidates(ctx: Context, tenant: string, scope: Scope): Promise<Route[]> {
  const { rows } = await ctx.db.query<Route>(
    `SELECT ${COLUMNS} FROM entries e, (
       SELECT $1::text AS tenant, $2::text AS kind, $3::text AS surface, $4::text AS app, $5::text AS project
     ) p WHERE ${MATCHES} ORDER BY ${MOST_SPECIFIC}`,
    [tenant, scope.kind, scope.surface, scope.app, scope.project],
  );
  return rows;
}

/** A change that is only thought of. */
export interface Change extends Pick<Route, 'tenant' | 'surface' | 'app' | 'project'> {
  /** `null`: the entry is removed. */
  readonly store: string | null;
}

/** What would hold after a change, in the order of `candidates`. */
export function withChange(routes: readonly Route[], tenant: string, scope: Scope, change: Change): Route[] {
  const isSame = (route: Change | Route) =>
    route.tenant === change.tenant &&
    route.surface === change.surface &&
    route.app === change.app &&
    route.project === change.project;
  const known = routes.find(isSame);
  const others = routes.filter((route) => route !== known);
  const { store } = change;
  if (store === null || !covers(change, tenant, scope)) return others;
  const made = { id: 'new', config: {}, version: 0, ...known, ...change, store };
  return [...others, made].sort((one, other) => rank(other, tenant) - rank(one, tenant));
}

function covers(change: Change, tenant: string, scope: Scope): boolean {
  const isWithin = (mine: string, wanted: string) => mine === '' || mine === wanted;
  return (
    [tenant, CONTROL_PLANE].includes(change.tenant) &&
    isWithin(change.surface, scope.surface) &&
    isWithin(change.app, scope.app) &&
    isWithin(change.project, scope.project)
  );
}

/** `MOST_SPECIFIC`, of what is not in the table. */
function rank({ tenant, project, app, surface }: Change | Route, of: string): number {
  const bits = [tenant === of, project !== '', app !== '', surface !== ''];
  return bits.reduce((sum, bit) => sum * 2 + (bit ? 1 : 0), 0);
}

/** @throws `ROUTE_MISSING`, naming what is missing */
export function winner(routes: readonly Route[], tenant: string, scope: Scope): Route {
  const [first] = routes;
  if (first !== undefined) return first;
  const named = scopeText(tenant, scope);
  throw new ExtensionError(
    'ROUTE_MISSING',
    `no routing entry says where to keep ${named}: an operator has to make one`,
  );
}

/** The entry that holds, and why the others do not. */
export function explain(routes: readonly Route[], tenant: string, scope: Scope): JsonObject {
  const won = winner(routes, tenant, scope);
  return {
    store: won.store,
    config: won.config,
    why: `${specificity(won, tenant)} is the most specific of ${routes.length}`,
    candidates: routes.map(
      (route, place): Json => ({ ...view(route), holds: place === 0, is: specificity(route, tenant) }),
    ),
  };
}

export function view({ config: _config, ...route }: Route): JsonObject {
  return { ...route };
}

function specificity({ tenant, ...route }: Route, of: string): string {
  const whose = tenant === of && of !== CONTROL_PLANE ? `an entry of tenant ${of}` : 'a default of t_system';
  const named = (['project', 'app', 'surface'] as const).filter((name) => route[name] !== '');
  if (named.length === 0) return `${whose} for everything in it`;
  return `${whose} for ${named.map((name) => `${name} ${route[name]}`).join(', ')}`;
}
