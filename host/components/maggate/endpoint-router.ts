import Router from 'find-my-way';
import { messageOf } from '../../../kernel/errors.ts';
import type { EndpointHost, ServedEndpoint } from '../../../kernel/operator.ts';
import type { Logger } from '../../../kernel/ports.ts';
import type { ExtensionId } from '../../../manifests/manifest/manifest.ts';
import type { GuestTarget } from '../../../manifests/protocol/frames.ts';

/** A path of an extension may carry parameters this long. */
const MAX_PARAM_CHARS = 2_000;
/** Headers of one endpoint that were refused are named in the log once, and no more than these. */
const MAX_REMARKS = 50;

/** An endpoint as requests are matched to it. */
export interface EndpointRoute {
  readonly extension: ExtensionId;
  readonly target: GuestTarget;
  /** `none`, `user` or the name of a role. */
  readonly auth: string;
  /** `POST /x/acme/hello/greet/:name`. */
  readonly label: string;
  /** Length of `/x/<publisher>/<name>`. */
  readonly mountLength: number;
  /** Whether this remark about it is new. */
  remark(text: string): boolean;
}

export interface EndpointMatch {
  readonly route: EndpointRoute;
  /** Decoded. */
  readonly params: Readonly<Record<string, string | undefined>>;
}

export interface EndpointRouter {
  /** `path` is the path of the request without its query, as it came. */
  find(method: string, path: string): EndpointMatch | null;
  /** Whether an extension serves any endpoint now. */
  serves(id: string): boolean;
}

/** Keeps a routing tree of all served endpoints; it is built anew at the first request after a change. */
export function createEndpointRouter(host: EndpointHost, logger: Logger): EndpointRouter {
  let table: Table | null = null;
  host.onEndpointsChanged(() => {
    table = null;
  });
  const current = (): Table => {
    table ??= build(host.endpoints(), logger);
    return table;
  };
  return {
    find(method, path) {
      // HEAD is GET without the body, which node leaves out.
      const found = current().tree.find(method === 'HEAD' ? 'GET' : (method as Router.HTTPMethod), path);
      return found === null ? null : { route: found.store as EndpointRoute, params: found.params };
    },
    serves: (id) => current().extensions.has(id),
  };
}

interface Table {
  readonly tree: Router.Instance<Router.HTTPVersion.V1>;
  readonly extensions: ReadonlySet<string>;
}

function build(endpoints: readonly ServedEndpoint[], logger: Logger): Table {
  const tree = Router({ maxParamLength: MAX_PARAM_CHARS });
  for (const served of endpoints) {
    try {
      add(tree, served);
    } catch (error) {
      // Two endpoints of one extension that cannot be told apart: the first one is served.
      const { extension, endpoint } = served;
      const fields = { extension, method: endpoint.method, path: endpoint.path, reason: messageOf(error) };
      logger.error(fields, 'endpoint cannot be routed');
    }
  }
  return { tree, extensions: new Set(endpoints.map(({ extension }) => extension)) };
}

function add(tree: Table['tree'], { extension, endpoint }: ServedEndpoint): void {
  const mount = `/x/${extension}`;
  const { method, path, auth } = endpoint;
  const route: EndpointRoute = {
    extension,
    target: { kind: 'endpoint', name: `${method} ${path}` },
    auth,
    label: `${method} ${mount}${path}`,
    mountLength: mount.length,
    remark: createRemarks(),
  };
  tree.on(method, mount + path, nothing, route);
  if (path === '/') tree.on(method, mount, nothing, route);
}

function createRemarks(): (text: string) => boolean {
  const made = new Set<string>();
  return (text) => made.size < MAX_REMARKS && made.size < made.add(text).size;
}

/** The tree is only asked; what it finds is in the store of the route. */
function nothing(): void {}
