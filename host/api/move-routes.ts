import type { FastifyInstance, FastifyReply } from 'fastify';
import type { InstallRequest, RollbackRequest, UpgradeRequest } from '../../kernel/operator.ts';
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
  addUpgrade(app, services);
  addRollback(app, services);
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

function addUpgrade(app: FastifyInstance, { operator }: ControlServices): void {
  const body = object({ version, approve }, ['version']);
  app.post<{ Params: ExtensionParams; Body: UpgradeRequest }>(
    `${EXTENSION}/upgrade`,
    { schema: moveSchema('Switch to another staged version without losing a request', body) },
    async (request, reply) =>
      accepted(reply, await operator.upgrade(idOf(request.params), request.body, principalOf(request))),
  );
  app.get<{ Params: ExtensionParams; Querystring: { version: string } }>(
    `${EXTENSION}/upgrade-plan`,
    {
      schema: {
        tags: ['extensions'],
        summary: 'What an upgrade to a staged version would change',
        params: extensionParams,
        querystring: object({ version }, ['version']),
        response: answers(200, 'The differences.'),
      },
    },
    async ({ params, query }) => operator.upgradePlan(idOf(params), query.version),
  );
}

function addRollback(app: FastifyInstance, { operator }: ControlServices): void {
  const body = object({ version, force: { type: 'boolean', default: false } });
  app.post<{ Params: ExtensionParams; Body: RollbackRequest }>(
    `${EXTENSION}/rollback`,
    {
      schema: moveSchema('Go back to a kept version, by default the one before', body),
      preValidation: async (request) => {
        request.body ??= {};
      },
    },
    async (request, reply) =>
      accepted(reply, await operator.rollback(idOf(request.params), request.body, principalOf(request))),
  );
}

const version = { type: 'string', minLength: 1, maxLength: 64 } as const;
const approve = {
  anyOf: [
    { const: 'all' },
    // Of a bundle a name may say whose: `acme/notes:database.read`.
    { type: 'array', maxItems: 500, items: { type: 'string', minLength: 1, maxLength: 170 } },
  ],
} as const;

const INSTALL_BODY = object(
  {
    version,
    approve,
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
