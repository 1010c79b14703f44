import Router from 'find-my-way';
import { messageOf } from '../../../kernel/errors.ts';
import type { RegisterPoint } from '../../../kernel/hooks/hook-point.ts';
import type { Logger } from '../../../kernel/ports.ts';
import type { JsonObject } from '../../../manifests/json.ts';
import { endpointKey, routeOf } from '../../../manifests/manifest/endpoint-key.ts';
import type {
  EndpointContribution,
  ExtensionId,
  WebhookDeclaration,
} from '../../../manifests/manifest/manifest.ts';
import type { GuestTarget } from '../../../manifests/protocol/frames.ts';
import { versionNotices } from './version-notices.ts';

/** A path of an extension may carry parameters this long. */
const MAX_PARAM_CHARS = 2_000;
/** Headers of one endpoint that were refused are named in the log once, and no more than these. */
const MAX_REMARKS = 50;

/** An endpoint as requests are matched to it. */
export interface EndpointRoute {
  readonly extension: ExtensionId;
  readonly target: GuestTarget;
  readonly method: EndpointContribution['method'];
  /** `/greet/:name`, as the manifest has it. */
  readonly path: string;
  readonly version: number;
  readonly summary: string | null;
  /** JSON Schema of the body it takes, and of that of a good answer; `null`: the manifest says nothing. */
  readonly request: JsonObject | null;
  readonly response: JsonObject | null;
  /** `none`, `user`, `certificate` or the name of a role. */
  readonly auth: string;
  /** How who calls it signs; `null`: nobody has to. */
  readonly webhook: WebhookDeclaration | null;
  /** `POST /x/acme/hello/greet/:name`, from version 2 on `POST /v2/x/…`. */
  readonly label: string;
  /** `/x/<publisher>/<name>`. */
  readonly mount: string;
  /** Headers that every answer carries: when the version goes away. */
  readonly notices: readonly (readonly [name: string, value: string])[];
  /** Whether this remark about it is new. */
  remark(text: string): boolean;
}

export interface Served {
  readonly registerEndpoint: RegisterPoint<'endpoints'>;
  readonly addVersion: RegisterPoint<'versions'>;
}

type Tree = Router.Instance<Router.HTTPVersion.V1>;

/** The endpoints there are now, and what of them each version of the paths leads to. */
export class EndpointTable {
  readonly extensions: ReadonlySet<string>;
  readonly #routes: readonly EndpointRoute[];
  readonly #newest = new Map<string, number>();
  readonly #logger: Logger;
  /** Made when they are asked for. */
  readonly #trees = new Map<number | null, Tree>();

  constructor(routes: readonly EndpointRoute[], logger: Logger) {
    this.#routes = routes;
    this.#logger = logger;
    for (const { extension, version } of routes) {
      this.#newest.set(extension, Math.max(version, this.#newest.get(extension) ?? 1));
    }
    this.extensions = new Set(this.#newest.keys());
  }

  /**
   * `null`: of paths without a version, which lead to the lowest of each endpoint, so that what a client got once
   * stays what it gets. `undefined`: no extension has come to this version.
   */
  tree(version: number | null): Tree | undefined {
    const made = this.#trees.get(version);
    if (made !== undefined) return made;
    const routes = version === null ? lowest(this.#routes) : this.#upTo(version);
    if (routes.length === 0) return undefined;
    const tree = plant(routes, this.#logger);
    this.#trees.set(version, tree);
    return tree;
  }

  /** The newest of each endpoint up to this version, of the extensions that have come to it. */
  #upTo(version: number): EndpointRoute[] {
    const near = (route: EndpointRoute) =>
      route.version <= version && version <= (this.#newest.get(route.extension) ?? 0);
    return pick(this.#routes.filter(near), Math.max);
  }
}

/** What paths without a version lead to. */
export function lowest(routes: readonly EndpointRoute[]): EndpointRoute[] {
  return pick(routes, Math.min);
}

/** Of the versions of one method and path the one that `best` chooses. */
function pick(routes: readonly EndpointRoute[], best: (a: number, b: number) => number): EndpointRoute[] {
  const key = (route: EndpointRoute) => `${route.extension} ${routeOf(route)}`;
  const chosen = new Map<string, number>();
  for (const route of routes) {
    chosen.set(key(route), best(route.version, chosen.get(key(route)) ?? route.version));
  }
  return routes.filter((route) => chosen.get(key(route)) === route.version);
}

function plant(routes: readonly EndpointRoute[], logger: Logger): Tree {
  const tree = Router({ maxParamLength: MAX_PARAM_CHARS });
  for (const route of routes) {
    const { extension, method, mount, path } = route;
    try {
      tree.on(method, mount + path, nothing, route);
      if (path === '/') tree.on(method, mount, nothing, route);
    } catch (error) {
      // Two endpoints of one extension that cannot be told apart: the first one is served.
      logger.error({ extension, method, path, reason: messageOf(error) }, 'endpoint cannot be routed');
    }
  }
  return tree;
}

export function routesOf({ registerEndpoint, addVersion }: Served): EndpointRoute[] {
  const versions = addVersion.list();
  return registerEndpoint.list().map(({ extension, value: endpoint }) => {
    const { method, path, auth, version, summary = null, webhook = null } = endpoint;
    const { request = null, response = null } = endpoint;
    const mount = `/x/${extension}`;
    const said = versions.find((other) => other.extension === extension && other.value.version === version);
    return {
      extension,
      target: { kind: 'endpoint', name: endpointKey(endpoint) },
      method,
      path,
      version,
      summary,
      request,
      response,
      auth,
      webhook,
      label: `${method} ${version === 1 ? '' : `/v${version}`}${mount}${path}`,
      mount,
      notices: versionNotices(said?.value ?? {}),
      remark: createRemarks(),
    };
  });
}

function createRemarks(): (text: string) => boolean {
  const made = new Set<string>();
  return (text) => made.size < MAX_REMARKS && made.size < made.add(text).size;
}

/** The tree is only asked; what it finds is in the store of the route. */
function nothing(): void {}
