import type { FastifyInstance } from 'fastify';
import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import { bundleHealth, detailView, healthView, summaryView, usageView } from './extension-view.ts';
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
export function registerExtensionRoutes(app: FastifyInstance, services: ControlServices): void {
  addList(app, services);
  addViews(app, services);
}

function addList(app: FastifyInstance, { operator }: ControlServices): void {
  const schema = {
    tags: ['extensions'],
    summary: 'Extensions and their states, by id',
    querystring: object({ after: { type: 'string', maxLength: 110 }, limit }),
    response: answers(200, 'A page of extensions.', listOf('extensions')),
  };
  app.get<{ Querystring: { after?: string; limit: number } }>(
    '/v1/extensions',
    { schema },
    async ({ query }) => {
      const { page, last } = pageOf(await operator.list(), ({ record }) => record.id, query);
      const next = last === null ? null : pageAddress('/v1/extensions', { after: last, limit: query.limit });
      return { extensions: page.map(summaryView), next };
    },
  );
}

function addViews(app: FastifyInstance, { operator, requests }: ControlServices): void {
  type Route = { Params: ExtensionParams };
  app.get<Route>(EXTENSION, viewSchema('All of one extension'), async ({ params }) =>
    detailView(await operator.show(idOf(params))),
  );
  app.get<Route>(`${EXTENSION}/health`, viewSchema('Asks the extension how it is'), async ({ params }) => {
    const shown = await operator.show(idOf(params));
    const answer = await operator.health(idOf(params));
    if (shown.manifest.kind === 'bundle') return { ...answer, ...bundleHealth(shown) };
    return { ...healthView(shown.record, shown.stats), ...answer };
  });
  const usage = viewSchema('Which grants it uses, and what it costs');
  app.get<Route>(`${EXTENSION}/usage`, usage, async ({ params }) => ({
    ...usageView(await operator.show(idOf(params))),
    requests: requests(idOf(params)),
  }));
}

function viewSchema(summary: string) {
  const tags = ['extensions'];
  return { schema: { tags, summary, params: extensionParams, response: answers(200, summary) } };
}
