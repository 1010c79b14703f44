import type { FastifyInstance } from 'fastify';
import type { PublisherTrust, Tier, TrustPolicy } from '../../kernel/trust/policy.ts';
import type { KeyToTrust } from '../../kernel/trust/policy-edit.ts';
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

const publisherName = { type: 'string', pattern: '^[a-z0-9][a-z0-9-]{1,38}$' };
const keyId = { type: 'string', pattern: '^[A-Za-z0-9][A-Za-z0-9_.-]*$', maxLength: 100 };

/** Whose packages this host accepts. */
export function registerTrustRoutes(app: FastifyInstance, services: ControlServices): void {
  const schema = {
    tags: ['access'],
    summary: 'Trusted publishers and their keys',
    response: answers(200, 'The trust policy.'),
  };
  app.get('/v1/trust', { schema }, async () => policyView(await services.trust.policy()));
  addTrust(app, services);
  addRemovePublisher(app, services);
  addRemoveKey(app, services);
}

function addTrust(app: FastifyInstance, { trust, audit }: ControlServices): void {
  const schema = {
    tags: ['access'],
    summary: 'Trust a key of a publisher: P-256, PEM',
    body: KEY_BODY,
    response: answers(201, 'Trusted.'),
  };
  app.post<{ Body: KeyBody }>('/v1/trust', { schema }, async (request, reply) => {
    const { publisher, tier } = request.body;
    const move = { action: 'trust.add', target: publisher, detail: { tier } };
    await audited(audit, request, move, () => trust.addKey(readKey(request.body)));
    const added = (await trust.policy()).publishers.get(publisher);
    reply.code(201);
    return { publisher, ...(added ? publisherView(added) : { tier }) };
  });
}

function addRemovePublisher(app: FastifyInstance, { trust, audit }: ControlServices): void {
  const schema = {
    tags: ['access'],
    summary: 'Trust nothing of a publisher any more',
    params: object({ publisher: publisherName }, ['publisher']),
    response: answers(200, 'Removed.'),
  };
  app.delete<{ Params: { publisher: string } }>('/v1/trust/:publisher', { schema }, async (request) => {
    const { publisher } = request.params;
    const move = { action: 'trust.remove', target: publisher, detail: {} };
    await audited(audit, request, move, () => trust.remove(publisher));
    return { publisher, removed: true };
  });
}

function addRemoveKey(app: FastifyInstance, { trust, audit }: ControlServices): void {
  const schema = {
    tags: ['access'],
    summary: 'Trust one key of a publisher no longer',
    params: object({ publisher: publisherName, key: keyId }, ['publisher', 'key']),
    response: answers(200, 'Removed.'),
  };
  const url = '/v1/trust/:publisher/keys/:key';
  app.delete<{ Params: { publisher: string; key: string } }>(url, { schema }, async (request) => {
    const { publisher, key } = request.params;
    const move = { action: 'trust.remove', target: publisher, detail: { key } };
    await audited(audit, request, move, () => trust.remove(publisher, key));
    return { publisher, key, removed: true };
  });
}

const KEY_BODY = object(
  {
    publisher: publisherName,
    publicKey: { type: 'string', minLength: 1, maxLength: 4_096 },
    // first-party is what the build of this host signs, and nobody else's to give.
    tier: { enum: ['verified', 'community'], default: 'community' },
    id: keyId,
    notAfter: { type: 'string', format: 'date-time' },
  },
  ['publisher', 'publicKey'],
);

function readKey({ notAfter, ...key }: KeyBody): KeyToTrust {
  return notAfter === undefined ? key : { ...key, notAfter: new Date(notAfter) };
}

function policyView({ publishers }: TrustPolicy) {
  const entries = [...publishers].map(([name, entry]) => [name, publisherView(entry)] as const);
  return { publishers: Object.fromEntries(entries) };
}

function publisherView({ tier, keys, identities }: PublisherTrust) {
  return { tier, keys, identities };
}
