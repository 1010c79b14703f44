import type { FastifyInstance } from 'fastify';
import type { PublisherTrust, Tier, TrustPolicy } from '../../kernel/trust/policy.ts';
import { audited } from './audited.ts';
import { answers, object } from './schemas.ts';
import type { ControlServices } from './services.ts';

interface KeyBody {
  publisher: string;
  publicKey: string;
  tier: Tier;
  id?: string;
  notAfter?: string;
}

const publisher = { type: 'string', pattern: '^[a-z0-9][a-z0-9-]{1,38}$' };
const key = { type: 'string', pattern: '^[A-Za-z0-9][A-Za-z0-9_.-]*$', maxLength: 100 };

/** Whose packages this host accepts. */
export function registerTrustRoutes(app: FastifyInstance, { trust, audit }: ControlServices): void {
  const tags = ['access'];
  app.get(
    '/v1/trust',
    {
      schema: {
        tags,
        summary: 'Trusted publishers and their keys',
        response: answers(200, 'The trust policy.'),
      },
    },
    async () => policyView(await trust.policy()),
  );

  app.post<{ Body: KeyBody }>(
    '/v1/trust',
    {
      schema: {
        tags,
        summary: 'Trust a key of a publisher: P-256, PEM',
        body: KEY_BODY,
        response: answers(201, 'Trusted.'),
      },
    },
    async (request, reply) => {
      const { notAfter, ...entry } = request.body;
      const { publisher, tier } = entry;
      const move = { action: 'trust.add', target: publisher, detail: { tier } };
      await audited(audit, request, move, () =>
        trust.addKey({ ...entry, ...(notAfter === undefined ? {} : { notAfter: new Date(notAfter) }) }),
      );
      const added = (await trust.policy()).publishers.get(publisher);
      return reply.code(201).send({ publisher, ...(added ? publisherView(added) : { tier }) });
    },
  );

  app.delete<{ Params: { publisher: string } }>(
    '/v1/trust/:publisher',
    {
      schema: {
        tags,
        summary: 'Trust nothing of a publisher any more',
        params: object({ publisher }, ['publisher']),
        response: answers(200, 'Removed.'),
      },
    },
    async (request) => {
      const { publisher } = request.params;
      const move = { action: 'trust.remove', target: publisher, detail: {} };
      await audited(audit, request, move, () => trust.remove(publisher));
      return { publisher, removed: true };
    },
  );

  app.delete<{ Params: { publisher: string; key: string } }>(
    '/v1/trust/:publisher/keys/:key',
    {
      schema: {
        tags,
        summary: 'Trust one key of a publisher no longer',
        params: object({ publisher, key }, ['publisher', 'key']),
        response: answers(200, 'Removed.'),
      },
    },
    async (request) => {
      const { publisher, key } = request.params;
      const move = { action: 'trust.remove', target: publisher, detail: { key } };
      await audited(audit, request, move, () => trust.remove(publisher, key));
      return { publisher, key, removed: true };
    },
  );
}

const KEY_BODY = object(
  {
    publisher,
    publicKey: { type: 'string', minLength: 1, maxLength: 4_096 },
    // first-party is what the build of this host signs, and nobody else's to give.
    tier: { enum: ['verified', 'community'], default: 'community' },
    id: key,
    notAfter: { type: 'string', format: 'date-time' },
  },
  ['publisher', 'publicKey'],
);

function policyView({ publishers }: TrustPolicy) {
  return {
    publishers: Object.fromEntries([...publishers].map(([name, entry]) => [name, publisherView(entry)])),
  };
}

function publisherView({ tier, keys, identities }: PublisherTrust) {
  return { tier, keys, identities };
}
