import type { EndpointContribution } from './manifest.ts';

/** What an endpoint is called in the definition of its extension: `GET /greet/:name`, `v2 GET /greet/:name`. */
export function endpointKey({
  method,
  path,
  version,
}: Pick<EndpointContribution, 'method' | 'path' | 'version'>): string {
  return version === 1 ? `${method} ${path}` : `v${version} ${method} ${path}`;
}

/** What two endpoints of one version cannot share: `/users/:id` and `/users/:name` are one route. */
export function routeOf({ method, path }: Pick<EndpointContribution, 'method' | 'path'>): string {
  return `${method} ${path.replaceAll(/:[^/]+/g, ':')}`;
}
