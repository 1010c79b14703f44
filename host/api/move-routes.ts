import type { FastifyInstance, FastifyReply } from 'fastify';
import type { InstallRequest } from '../../kernel/operator.ts';
import { principalOf } from '../components/maggate/access-control.ts';
import { EXTENSION, type ExtensionParams, idOf } from './extension-routes.ts';
import { answers, extensionParams, object } from './schemas.ts';
import type { ControlServices } from './services.ts';

/** Moving extensions. Each is answered as soon as the operation is journaled. */
export function registerMoveRoutes(app: FastifyInstance, services: ControlServices): void {
  addInstall(app, services);
  addSwitch(app, services, 'enable', 'Run it');
  addSwitch(app, services, 'disable', 'Stop it; what it stored and was granted stays');
  addUninstall(app, services);
}

function addInstall(app: FastifyInstance, { operator }: ControlServices): void {
  const schema = moveSchema('Install a staged version, approving what it may do', INSTALL_BODY);
  app.post<{ Params: ExtensionParams; Body: InstallRequest }>(
    `${EXTENSION}/install`,
    { schema },
    async (request, reply) =>
      accepted(reply, await operator.install(idOf(request.params), request.body, principalOf(request))),
  );
}

function addSwitch(
  app: FastifyInstance,
  { operator }: ControlServices,
  verb: 'enable' | 'disable',
  summary: string,
): void {
  app.post<{ Params: ExtensionParams }>(
    `${EXTENSION}/${verb}`,
    { schema: moveSchema(summary) },
    async (request, reply) =>
      accepted(reply, await operator[verb](idOf(request.params), principalOf(request))),
  );
}

function addUninstall(app: FastifyInstance, { operator }: ControlServices): void {
  const body = object({ purge: { type: 'boolean', default: false } });
  app.post<{ Params: ExtensionParams; Body: { purge: boolean } }>(
    `${EXTENSION}/uninstall`,
    {
      schema: moveSchema('Remove it; `purge` drops its data as well', body),
      preValidation: async (request) => {
        request.body ??= { purge: false };
      },
    },
    async (request, reply) =>
      accepted(reply, await operator.uninstall(idOf(request.params), request.body, principalOf(request))),
  );
}

const INSTALL_BODY = object(
  {
    version: { type: 'string', minLength: 1, maxLength: 64 },
    approve: {
      anyOf: [
        { const: 'all' },
        { type: 'array', maxItems: 50, items: { type: 'string', minLength: 1, maxLength: 64 } },
      ],
    },
    config: { type: 'object' },
  },
  ['version', 'approve'],
);

function moveSchema(summary: string, body?: object) {
  return {
    tags: ['extensions'],
    summary,
    params: extensionParams,
    ...(body ? { body } : {}),
    response: answers(202, 'The operation was begun; `Location` is where it can be followed.'),
  };
}

function accepted(reply: FastifyReply, operation: string): FastifyReply {
  return reply.code(202).header('location', `/v1/operations/${operation}`).send({ operation });
}
