import type { JsonObject } from '../../../manifests/json.ts';
import { routeOf } from '../../../manifests/manifest/endpoint-key.ts';
import { parametersOf, templateOf } from './endpoint-path.ts';
import { type EndpointRoute, lowest, routesOf, type Served } from './endpoint-table.ts';

/** Path templates to methods to operations, as OpenAPI has them. */
export type Paths = Record<string, Record<string, object>>;

/**
 * The endpoints that extensions serve now: each at the path of its version, and the lowest version of each at the
 * path without one too.
 */
export function describeEndpoints(served: Served): Paths {
  const routes = routesOf(served);
  const paths: Paths = Object.create(null);
  // OpenAPI has no two templates that differ by the names of their parameters alone.
  const names = new Map<string, string[]>();
  const add = (prefix: string, route: EndpointRoute) => {
    const key = prefix + route.mount + routeOf(route).slice(route.method.length);
    const parameters = names.get(key) ?? uniqueParameters(route.path);
    names.set(key, parameters);
    const path = prefix + route.mount + templateOf(route.path, parameters);
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: describe(route, parameters) };
  };
  for (const route of lowest(routes)) add('', route);
  for (const route of routes.filter(({ version }) => version > 1)) add(`/v${route.version}`, route);
  return paths;
}

/** A name that is there twice is numbered: in a template it could not be told apart. */
function uniqueParameters(path: string): string[] {
  return parametersOf(path).map((name, at, all) => (all.indexOf(name) === at ? name : `${name}_${at + 1}`));
}

function describe(
  { extension, version, auth, summary, notices, request, response }: EndpointRoute,
  parameters: readonly string[],
) {
  const problem = { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } };
  return {
    tags: ['endpoints'],
    summary: summary ?? `Endpoint of ${extension}`,
    description: `${askedOf(auth)} Version ${version} of ${extension}.`,
    ...(notices.length === 0 ? {} : { deprecated: true }),
    security: securityOf(auth),
    parameters: parameters.map((name) => ({
      name,
      in: 'path',
      required: true,
      schema: { type: 'string' },
    })),
    ...(request === null ? {} : { requestBody: { required: true, content: json(request) } }),
    responses: {
      200: {
        description: 'Whatever the extension answers.',
        ...(response === null ? {} : { content: json(response) }),
      },
      ...(request === null ? {} : { 400: { description: 'The body does not match.', content: problem } }),
      429: { description: 'One request too many; Retry-After says when to go on.', content: problem },
      default: { description: 'An error.', content: problem },
    },
  };
}

function askedOf(auth: string): string {
  if (auth === 'none') return 'Asks for no token.';
  if (auth === 'certificate') return 'Asks for a client certificate, at the mutual-TLS listener.';
  return `Asks for a token (auth: ${auth}).`;
}

function securityOf(auth: string): object[] {
  if (auth === 'none') return [];
  return auth === 'certificate' ? [{ certificate: [] }] : [{ token: [] }];
}

/** The dialect is that of the whole document. */
function json({ $schema: _, ...schema }: JsonObject) {
  return { 'application/json': { schema } };
}
