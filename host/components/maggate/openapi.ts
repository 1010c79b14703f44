import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';
import { CODES } from '../../../manifests/catalog/index.ts';
import type { Served } from './endpoint-table.ts';
import { describeEndpoints, type Paths } from './openapi-endpoints.ts';

/** The page loads its own scripts and the description, and nothing else. */
const DOCS_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
  "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const LOGO = Buffer.from(
  '<svg xmlns="http://www.w3.org/2000/svg" width="150" height="32">' +
    '<text x="0" y="24" font-family="sans-serif" font-size="24" font-weight="bold" fill="#fff">MagFlock</text></svg>',
);

/** Serves the OpenAPI 3.1 description at `/openapi.json` and a page at `/docs`. Before any other route. */
export async function registerOpenApi(
  app: FastifyInstance,
  { version, served }: { version: string; served: Served },
): Promise<void> {
  let extensionPaths: Paths | null = null;
  const forget = () => {
    extensionPaths = null;
  };
  served.registerEndpoint.onChange(forget);
  served.addVersion.onChange(forget);
  const describe = (): object => {
    extensionPaths ??= describeEndpoints(served);
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
      { name: 'access', description: 'Users, roles, sessions, API tokens and trusted publishers' },
      { name: 'login', description: 'Logging in with the providers of extensions, and out' },
      { name: 'realtime', description: 'Channels of extensions' },
      { name: 'endpoints', description: 'Served by enabled extensions' },
    ],
    components: {
      securitySchemes: {
        token: { type: 'http' as const, scheme: 'bearer' },
        certificate: { type: 'mutualTLS' } as never, // OpenAPI 3.1 has it, their types do not
      },
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
    code: { type: 'string', description: `${Object.keys(CODES).join(', ')}, or a code of an extension.` },
    detail: { type: 'string' },
    traceId: { type: 'string' },
    veto: {
      type: 'object',
      description: 'The extension that was against it.',
      properties: { extension: { type: 'string' }, hook: { type: 'string' } },
    },
  },
};
