import type Router from 'find-my-way';
import type { Logger } from '../../../kernel/ports.ts';
import { type EndpointRoute, EndpointTable, routesOf, type Served } from './endpoint-table.ts';

/** `/v2/x/acme/hello/greet` */
const VERSIONED = /^\/v([1-9][0-9]?)(?=\/x\/)/;

export interface EndpointMatch {
  readonly route: EndpointRoute;
  /** Decoded. */
  readonly params: Readonly<Record<string, string | undefined>>;
  /** As it came, without the version: `/x/…`. */
  readonly path: string;
}

export interface EndpointRouter {
  /** `path` is the path of the request without its query, as it came. */
  find(method: string, path: string): EndpointMatch | null;
  /** Whether an extension serves any endpoint now. */
  serves(id: string): boolean;
}

/** Keeps routing trees of all served endpoints; they are built anew at the first request after a change. */
export function createEndpointRouter(served: Served, logger: Logger): EndpointRouter {
  let table: EndpointTable | null = null;
  const forget = () => {
    table = null;
  };
  served.registerEndpoint.onChange(forget);
  served.addVersion.onChange(forget);
  const current = (): EndpointTable => {
    table ??= new EndpointTable(routesOf(served), logger);
    return table;
  };
  return {
    find(method, given) {
      const version = VERSIONED.exec(given);
      const path = version === null ? given : given.slice(version[0].length);
      const tree = current().tree(version === null ? null : Number(version[1]));
      // HEAD is GET without the body, which node leaves out.
      const found = tree?.find(method === 'HEAD' ? 'GET' : (method as Router.HTTPMethod), path);
      if (!found) return null;
      const route = found.store as EndpointRoute;
      // Escaped letters in what is no parameter have no use but to look like something else.
      return path.startsWith(route.mount) ? { route, params: found.params, path } : null;
    },
    serves: (id) => current().extensions.has(id),
  };
}
