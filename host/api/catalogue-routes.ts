import type { FastifyInstance } from 'fastify';
import { CAPABILITIES, EVENTS, HOOKS } from '../../manifests/catalog/index.ts';
import { answers, listOf } from './schemas.ts';
import type { ControlServices } from './services.ts';

/** What this host is and offers. */
export function registerCatalogueRoutes(app: FastifyInstance, services: ControlServices): void {
  const { hostInfo, operator, stores } = services;
  const schema = (summary: string, answer: object) => ({
    schema: { tags: ['host'], summary, response: answers(200, summary, answer) },
  });
  app.get('/v1/host', schema('This host and its redacted configuration', { type: 'object' }), async () =>
    hostInfo(),
  );

  app.get(
    '/v1/hosts',
    schema('The hosts that share the database, and what each runs', listOf('hosts')),
    async () => ({
      hosts: (await stores.hosts.list()).map(({ beat: _, fencedAt, ...host }) => ({
        ...host,
        state: fencedAt === null ? 'serving' : 'gone',
        fencedAt,
        isThis: host.id === stores.hosts.id,
      })),
    }),
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
      eventTypes: [...named(EVENTS), ...(await operator.eventTypes())],
    }),
  );
}

function named(table: Readonly<Record<string, object>>): { name: string }[] {
  return Object.entries(table).map(([name, row]) => ({ name, ...row }));
}
