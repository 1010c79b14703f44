import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';
import type { EndpointHost, ServedEndpoint } from '../../../kernel/operator.ts';
import { CODES } from '../../../manifests/catalog/index.ts';

/** The page loads its own scripts and the description, and nothing else. */
const DOCS_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
  "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const LOGO = Buffer.from(
  '<svg xmlns="http://www.w3.org/2000/svg" width="150" height="32">' +
    '<text x="0" y="24" font-family="sans-serif" font-size="24" font-weight="bold" fill="#fff">MagFlock</text></svg>',
);

type Paths = Record<string, Record<string, object>>;

/** Serves the OpenAPI 3.1 description at `/openapi.json` and a page at `/docs`. Before any other route. */
export async function registerOpenApi(
  app: FastifyInstance,
  { version, endpoints }: { version: string; endpoints: EndpointHost },
): Promise<void> {
  let extensionPaths: Paths | null = null;
  endpoints.onEndpointsChanged(() => {
    extensionPaths = null;
  });
  const describe = (): object => {
    extensionPaths ??= describeEndpoints(endpoints.endpoints());
    const document = app.swagger();
    return { ...document, paths: { ...document.paths, ...extensionPaths } };
  };

  app.addSchema(PROBLEM_SCHEMA);
  await app.register(swagger, {
    openapi: skeleton(version),
    convertConstToEnum: false,
    refResolver: {
      buildLocalReference: (schema, _base, _fragment, at) => String(schema.$id ?? `schema-${at}`),
    },
  });
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: DOCS_POLICY,
    transformSpecificationClone: false,
    transformSpecification: () => describe(),
    theme: { title: 'MagFlock API' },
    logo: { type: 'image/svg+xml', content: LOGO },
  });
  app.get('/openapi.json', { schema: { hide: true } }, async () => describe());
}

function skeleton(version: string) {
  return {
    openapi: '3.1.0',
    info: {
      title: 'MagFlock',
      version,
      description: 'Control API of a MagFlock host, and the endpoints of the extensions it runs.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    tags: [
      { name: 'host', description: 'What this host is and offers' },
      { name: 'extensions', description: 'Staging, installing, running and observing extensions' },
      { name: 'operations', description: 'Journaled moves of extensions' },
      { name: 'events', description: 'The event bus' },
      { name: 'audit', description: 'The hash-chained audit log' },
      { name: 'access', description: 'API tokens and trusted publishers' },
      { name: 'endpoints', description: 'Served by enabled extensions' },
    ],
    components: {
      securitySchemes: { token: { type: 'http' as const, scheme: 'bearer' } },
    },
    security: [{ token: [] }],
  };
}

/** Every error of this API (RFC 9457). */
const PROBLEM_SCHEMA = {
  $id: 'Problem',
  type: 'object',
  required: ['type', 'title', 'status', 'code', 'detail', 'traceId'],
  properties: {
    type: { type: 'string' },
    title: { type: 'string' },
    status: { type: 'integer' },
    code: { type: 'string', enum: Object.keys(CODES) },
    detail: { type: 'string' },
    traceId: { type: 'string' },
  },
};

function describeEndpoints(served: readonly ServedEndpoint[]): Paths {
  const paths: Paths = Object.create(null);
  for (const { extension, endpoint } of served) {
    const names = [...endpoint.path.matchAll(/:([A-Za-z0-9_]+)/g)].map(([, name]) => name ?? '');
    const path = `/x/${extension}${endpoint.path.replace(/:([A-Za-z0-9_]+)/g, '{$1}')}`;
    const methods = paths[path] ?? {};
    methods[endpoint.method.toLowerCase()] = describeEndpoint(extension, endpoint.auth, names);
    paths[path] = methods;
  }
  return paths;
}

function describeEndpoint(extension: string, auth: string, parameters: readonly string[]) {
  const problem = { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } };
  return {
    tags: ['endpoints'],
    summary: `Endpoint of ${extension}`,
    description: auth === 'none' ? 'Asks for no token.' : `Asks for a token (auth: ${auth}).`,
    security: auth === 'none' ? [] : [{ token: [] }],
    parameters: [...new Set(parameters)].map((name) => ({
      name,
      in: 'path',
      required: true,
      schema: { type: 'string' },
    })),
    responses: {
      200: { description: 'Whatever the extension answers.' },
      default: { description: 'An error.', content: problem },
    },
  };
}
