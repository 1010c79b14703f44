import type { FastifyInstance } from 'fastify';
import { MagError } from '../../kernel/errors.ts';
import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import { formats } from '../../manifests/manifest/validator.ts';
import { principalOf } from '../components/maggate/access-control.ts';
import { type Registry, registryName } from '../registries/registries-file.ts';
import type { Resolved, ResolveRequest } from '../registries/resolve.ts';
import { audited } from './audited.ts';
import { stagedView } from './extension-view.ts';
import { answers, object } from './schemas.ts';
import type { ControlServices } from './services.ts';

/** Where packages are looked for by their ids, and what is found. */
export function registerRegistryRoutes(app: FastifyInstance, services: ControlServices): void {
  addEditing(app, services);
  addSearch(app, services);
  addResolving(app, services);
}

function addEditing(app: FastifyInstance, { registries, audit }: ControlServices): void {
  const list = schemaOf('Registries, in the order they are asked', answers(200, 'The registries.'));
  app.get('/v1/registries', { schema: list }, async () => ({ registries: await registries.list() }));
  const add = {
    ...schemaOf(
      'Add a registry: an absolute folder of the host, or an https address',
      answers(201, 'Added.'),
    ),
    body: object(
      {
        name: registryName,
        location: { type: 'string', minLength: 1, maxLength: 1_000 },
        allowHttp: { const: true, description: 'Let the address be of http, on this machine only.' },
      },
      ['name', 'location'],
    ),
  };
  app.post<{ Body: Registry }>('/v1/registries', { schema: add }, async (request, reply) => {
    const { name, location } = request.body;
    const move = { action: 'registry.add', target: name, detail: { location } };
    const added = await audited(audit, request, move, () => registries.add(request.body));
    return reply.code(201).send(added);
  });
  const remove = {
    ...schemaOf('Ask a registry no longer; what came from it stays', answers(200, 'Removed.')),
    params: object({ name: registryName }, ['name']),
  };
  app.delete<{ Params: { name: string } }>('/v1/registries/:name', { schema: remove }, async (request) => {
    const { name } = request.params;
    const move = { action: 'registry.remove', target: name, detail: {} };
    await audited(audit, request, move, () => registries.remove(name));
    return { name, removed: true };
  });
}

function addSearch(app: FastifyInstance, { registries }: ControlServices): void {
  const schema = {
    ...schemaOf('What the registries list; nothing of it is verified', answers(200, 'At most 200 packages.')),
    querystring: object({ text: { type: 'string', maxLength: 200, default: '' } }),
  };
  app.get<{ Querystring: { text: string } }>('/v1/packages', { schema }, ({ query }) =>
    registries.search(query.text),
  );
}

function addResolving(app: FastifyInstance, { registries }: ControlServices): void {
  const range = { type: 'string', minLength: 1, maxLength: 128 };
  const locked = object({ version: range, digest: { type: 'string', maxLength: 80 } }, ['version', 'digest']);
  const schema = {
    ...schemaOf(
      'Choose a version of everything that is needed, and stage what is missing: all of it or nothing',
      answers(200, 'What is to be installed, dependencies first.'),
    ),
    body: object(
      {
        wanted: { ...listedBy(range), minProperties: 1, maxProperties: 200 },
        staged: { type: 'boolean', default: false },
        upgrade: { type: 'boolean', default: false },
        lock: object(
          { packages: { ...listedBy(locked), maxProperties: 1_000 }, strict: { type: 'boolean' } },
          ['packages', 'strict'],
        ),
      },
      ['wanted'],
    ),
  };
  app.post<{ Body: ResolveRequest }>('/v1/resolutions', { schema }, async (request) => {
    requireRanges(request.body.wanted);
    const resolved = await registries.resolve(request.body, principalOf(request));
    return { packages: resolved.map(resolvedView) };
  });
}

/** The version range is checked here: the server's validator knows no such format. */
function requireRanges(wanted: Readonly<Record<ExtensionId, string>>): void {
  const wrong = Object.entries(wanted).find(([, range]) => !formats['semver-range'](range));
  if (wrong !== undefined)
    throw new MagError('E_BAD_REQUEST', `${wrong[0]}: ${wrong[1]} is no version range`);
}

function resolvedView({ staged, ...resolved }: Resolved) {
  return { ...(staged === null ? {} : stagedView(staged)), ...resolved };
}

function listedBy(values: object) {
  const propertyNames = { pattern: '^[a-z0-9][a-z0-9-]{1,38}/[a-z0-9][a-z0-9-]{1,62}$' };
  return { type: 'object', propertyNames, additionalProperties: values };
}

function schemaOf(summary: string, response: object) {
  return { tags: ['registries'], summary, response };
}
