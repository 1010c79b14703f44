import type { FastifyInstance } from 'fastify';
import { principalOf } from '../components/maggate/access-control.ts';
import { audited } from './audited.ts';
import { answers, listOf, object } from './schemas.ts';
import type { ControlServices } from './services.ts';

interface StoreBody {
  name: string;
  url: string;
  username?: string;
  passwordSecret?: string;
  prefix?: string;
}

interface OfStore {
  Params: { name: string };
}

const name = { type: 'string', pattern: '^[a-z][a-z0-9-]{0,31}$' } as const;
const params = object({ name }, ['name']);

/** Stores that extensions keep data in, by their names. */
export function registerStoreRoutes(app: FastifyInstance, { dataStores, audit }: ControlServices): void {
  const list = schemaOf(
    'Stores of the hosts; no password is known here',
    answers(200, 'All of them.', listOf('stores')),
  );
  app.get('/v1/stores', { schema: list }, async () => ({ stores: await dataStores.list(), next: null }));

  const add = {
    ...schemaOf(
      'Connect a Redis server as a store, for all hosts and without a restart',
      answers(201, 'It, and how it does.'),
    ),
    body: object(
      {
        name,
        url: {
          type: 'string',
          minLength: 1,
          maxLength: 500,
          description: 'redis: or rediss:, without credentials.',
        },
        username: { type: 'string', minLength: 1, maxLength: 100 },
        passwordSecret: {
          type: 'string',
          pattern: '^[A-Z][A-Z0-9_]*$',
          maxLength: 80,
          description: 'The name of a shared secret of every host.',
        },
        prefix: { type: 'string', pattern: '^[a-z][a-z0-9-]{0,31}$', default: 'mag' },
      },
      ['name', 'url'],
    ),
  };
  app.post<{ Body: StoreBody }>('/v1/stores', { schema: add }, async (request, reply) => {
    const { name, url, username = null, passwordSecret = null, prefix = 'mag' } = request.body;
    const record = { name, kind: 'redis', url, username, passwordSecret, prefix } as const;
    // What was sent as an address may hold a password: it is on record when it was found to hold none.
    const move = {
      action: 'store.add',
      target: `store:${name}`,
      detail: { username, passwordSecret, prefix },
    };
    const added = await audited(audit, request, move, () => dataStores.add(record, principalOf(request).id));
    return reply.code(201).send(added);
  });

  const check = {
    ...schemaOf('Whether a store answers, and who keeps data in it', answers(200, 'The report.')),
    params,
  };
  app.get<OfStore>('/v1/stores/:name/check', { schema: check }, ({ params }) =>
    dataStores.check(params.name),
  );

  const remove = {
    ...schemaOf('Disconnect a store in which nobody keeps data; with force, any', answers(200, 'Removed.')),
    params,
    querystring: object({ force: { type: 'boolean', default: false } }),
  };
  app.delete<OfStore & { Querystring: { force: boolean } }>(
    '/v1/stores/:name',
    { schema: remove },
    async (request) => {
      const { name } = request.params;
      const { force } = request.query;
      const move = { action: 'store.remove', target: `store:${name}`, detail: { force } };
      await audited(audit, request, move, () => dataStores.remove(name, { force }));
      return { name, removed: true };
    },
  );
}

function schemaOf(summary: string, response: object) {
  return { tags: ['stores'], summary, response };
}
