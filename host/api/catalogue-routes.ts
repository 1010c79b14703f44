import type { FastifyInstance } from 'fastify';
import { CAPABILITIES, EVENTS, HOOKS } from '../../manifests/catalog/index.ts';
import { answers, listOf } from './schemas.ts';
import type { ControlServices } from './services.ts';

/** What this host is and offers. */
export function registerCatalogueRoutes(app: FastifyInstance, { hostInfo, operator }: ControlServices): void {
  const schema = (summary: string, answer: object) => ({
    schema: { tags: ['host'], summary, response: answers(200, summary, answer) },
  });
  app.get('/v1/host', schema('This host and its redacted configuration', { type: 'object' }), async () =>
    hostInfo(),
  );

  app.get('/v1/startup', schema('What started, what failed and why', listOf('extensions')), async () => {
    const extensions = operator.startup();
    const starting = extensions.some(({ state }) => state === 'starting');
    return { state: starting ? 'starting' : 'started', extensions };
  });

  app.get(
    '/v1/capabilities',
    schema('Capabilities this host enforces', listOf('capabilities')),
    async () => ({
      capabilities: named(CAPABILITIES),
    }),
  );

  app.get('/v1/hooks', schema('Hook points this host fires', listOf('hooks')), async () => ({
    hooks: named(HOOKS),
  }));

  app.get(
    '/v1/event-types',
    schema('Event types of the host and its extensions', listOf('eventTypes')),
    async () => ({
      eventTypes: [...named(EVENTS), ...(await publishedTypes(operator))],
    }),
  );
}

function named(table: Readonly<Record<string, object>>): { name: string }[] {
  return Object.entries(table).map(([name, row]) => ({ name, ...row }));
}

/** Of extensions that are there to publish them. */
async function publishedTypes(operator: ControlServices['operator']) {
  const present = (await operator.list()).filter(({ record }) => record.state !== 'uninstalled');
  return present.flatMap(({ record, manifest }) =>
    manifest.contributes.events.publishes.map(({ type }) => ({ name: type, extension: record.id })),
  );
}
