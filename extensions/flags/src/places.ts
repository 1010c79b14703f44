import type { Context, RequestInfo } from '#sdk';
import { invalid } from './problems.ts';

/** Whose a flag is: of the tenant, of a surface or of an app. Routing is asked by it where it is kept. */
export interface Place {
  readonly surface?: string;
  readonly app?: string;
}

export const OF_TENANT: Place = {};
const ID = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;

/** Of a query or of options: `surface` or `app`, or neither. @throws `INVALID` */
export function placeIn({ surface, app }: Readonly<Record<string, unknown>>): Place {
  if (surface !== undefined && app !== undefined)
    throw invalid('a flag is of a surface or of an app, not of both');
  if (surface !== undefined) return { surface: idIn(surface, 'surface') };
  return app === undefined ? OF_TENANT : { app: idIn(app, 'app') };
}

/** `tenant`, `surface/<id>`, `app/<id>`. */
export function nameOf({ surface, app }: Place): string {
  if (app !== undefined) return `app/${app}`;
  return surface === undefined ? 'tenant' : `surface/${surface}`;
}

export function isScoped({ surface, app }: Place): boolean {
  return surface !== undefined || app !== undefined;
}

export function placeNamed(name: string): Place {
  const [kind, id] = [name.slice(0, name.indexOf('/')), name.slice(name.indexOf('/') + 1)];
  return kind === 'app' ? { app: id } : kind === 'surface' ? { surface: id } : OF_TENANT;
}

/** Where flags for a request may be, the most specific first. What it names, the host has checked. */
export function placesOf(request: RequestInfo | null): Place[] {
  const { surfaceId, appId } = request ?? {};
  return [
    ...(appId === undefined ? [] : [{ app: appId }]),
    ...(surfaceId === undefined ? [] : [{ surface: surfaceId }]),
    OF_TENANT,
  ];
}

export function tenantOf({ request }: Pick<Context, 'request'>): string {
  return request?.tenantId ?? 't_system';
}

function idIn(value: unknown, what: string): string {
  if (typeof value === 'string' && ID.test(value)) return value;
  throw invalid(`${what} matches ${ID.source}`);
}
