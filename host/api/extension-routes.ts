import type { FastifyInstance, FastifyReply } from 'fastify';
import type { InstallRequest } from '../../kernel/operator.ts';
import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import { principalOf } from '../components/maggate/access-control.ts';
import { detailView, healthView, summaryView, usageView } from './extension-view.ts';
import { pageAddress, pageOf } from './page.ts';
import { answers, extensionParams, limit, listOf, object } from './schemas.ts';
import type { ControlServices } from './services.ts';

export interface ExtensionParams {
  publisher: string;
  name: string;
}

export const EXTENSION = '/v1/extensions/:publisher/:name';

export function idOf({ publisher, name }: ExtensionParams): ExtensionId {
  return `${publisher}/${name}`;
}

/** Looking at extensions. */
export function registerExtensionRoutes(app: FastifyInstance, { operator }: ControlServices): void {
  const tags = ['extensions'];
  const params = extensionParams;

  app.get<{ Querystring: { after?: string; limit: number } }>(
    '/v1/extensions',
    {
      schema: {
        tags,
        summary: 'Extensions and their states, by id',
        querystring: object({ after: { type: 'string', maxLength: 110 }, limit }),
        response: answers(200, 'A page of extensions.', listOf('extensions')),
      },
    },
    async ({ query }) => {
      const { page, last } = pageOf(await operator.list(), ({ record }) => record.id, query);
      const next = last === null ? null : pageAddress('/v1/extensions', { after: last, limit: query.limit });
      return { extensions: page.map(summaryView), next };
    },
  );

  app.get<{ Params: ExtensionParams }>(
    EXTENSION,
    { schema: { tags, summary: 'All of one extension', params, response: answers(200, 'The extension.') } },
    async (request) => detailView(await operator.show(idOf(request.params))),
  );

  app.get<{ Params: ExtensionParams }>(
    `${EXTENSION}/health`,
    {
      schema: {
        tags,
        summary: 'Asks the extension how it is',
        params,
        response: answers(200, 'Its health.'),
      },
    },
    async (request) => {
      const id = idOf(request.params);
      const { record, stats } = await operator.show(id);
      const { healthy, detail } = await operator.health(id);
      return { ...healthView(record, stats), healthy, detail };
    },
  );

  app.get<{ Params: ExtensionParams }>(
    `${EXTENSION}/usage`,
    {
      schema: {
        tags,
        summary: 'Which grants it uses, and what it costs',
        params,
        response: answers(200, 'Its usage.'),
      },
    },
    async (request) => usageView(await operator.show(idOf(request.params))),
  );
}

/** Moving extensions. Each is answered as soon as the operation is journaled. */
export function registerMoveRoutes(app: FastifyInstance, { operator }: ControlServices): void {
  const schema = (summary: string, body?: object) => ({
    schema: {
      tags: ['extensions'],
      summary,
      params: extensionParams,
      ...(body ? { body } : {}),
      response: answers(202, 'The operation was begun; `Location` is where it can be followed.'),
    },
  });
  const approve = {
    anyOf: [
      { const: 'all' },
      { type: 'array', maxItems: 50, items: { type: 'string', minLength: 1, maxLength: 64 } },
    ],
  };
  const version = { type: 'string', minLength: 1, maxLength: 64 };
  const installBody = object({ version, approve, config: { type: 'object' } }, ['version', 'approve']);

  app.post<{ Params: ExtensionParams; Body: InstallRequest }>(
    `${EXTENSION}/install`,
    schema('Install a staged version, approving what it may do', installBody),
    async (request, reply) =>
      accepted(reply, await operator.install(idOf(request.params), request.body, principalOf(request))),
  );
  app.post<{ Params: ExtensionParams }>(`${EXTENSION}/enable`, schema('Run it'), async (request, reply) =>
    accepted(reply, await operator.enable(idOf(request.params), principalOf(request))),
  );
  app.post<{ Params: ExtensionParams }>(
    `${EXTENSION}/disable`,
    schema('Stop it; what it stored and was granted stays'),
    async (request, reply) =>
      accepted(reply, await operator.disable(idOf(request.params), principalOf(request))),
  );
  app.post<{ Params: ExtensionParams; Body: { purge?: boolean } | undefined }>(
    `${EXTENSION}/uninstall`,
    {
      ...schema('Remove it; `purge` drops its data as well', object({ purge: { type: 'boolean' } })),
      preValidation: async (request) => {
        request.body ??= {};
      },
    },
    async (request, reply) => {
      const purge = request.body?.purge ?? false;
      return accepted(reply, await operator.uninstall(idOf(request.params), { purge }, principalOf(request)));
    },
  );
}

function accepted(reply: FastifyReply, operation: string): FastifyReply {
  return reply.code(202).header('location', `/v1/operations/${operation}`).send({ operation });
}
