import type { FastifyInstance } from 'fastify';
import type { Tier } from '../../kernel/trust/policy.ts';
import { policyView, publisherView } from '../trust/policy-json.ts';
import { type SignerBody, signerOf } from '../trust/signer-body.ts';
import { audited } from './audited.ts';
import { answers } from './schemas.ts';
import type { ControlServices } from './services.ts';
import { addSignerRemoval, signerBody } from './signer-routes.ts';

/** Whose packages this host accepts. */
export function registerTrustRoutes(app: FastifyInstance, services: ControlServices): void {
  const schema = {
    tags: ['access'],
    summary: 'Trusted publishers and reviewers with their keys, and what packages need',
    response: answers(200, 'The trust policy.'),
  };
  app.get('/v1/trust', { schema }, async () => policyView(await services.trust.policy()));
  addTrust(app, services);
  addSignerRemoval(app, services, {
    url: '/v1/trust',
    party: 'publisher',
    action: 'trust.remove',
    summaries: {
      all: 'Trust nothing of a publisher any more',
      keys: 'Trust one key of a publisher no longer',
      identities: 'Trust one identity of a publisher no longer, by its subject alternative name',
    },
    remove: services.trust.removePublisher,
  });
}

type TrustBody = SignerBody & { readonly publisher: string; readonly tier?: Tier };

function addTrust(app: FastifyInstance, { trust, audit }: ControlServices): void {
  const schema = {
    tags: ['access'],
    summary: 'Trust a key of a publisher (P-256, PEM), or an identity that signs without one',
    // first-party is what the build of this host signs, and nobody else's to give. Absent, it stays what it is.
    body: signerBody('publisher', { tier: { enum: ['verified', 'community'] } }),
    response: answers(201, 'Trusted.'),
  };
  app.post<{ Body: TrustBody }>('/v1/trust', { schema }, async (request, reply) => {
    const { publisher, tier } = request.body;
    const detail = tier === undefined ? {} : { tier };
    const added = await audited(audit, request, { action: 'trust.add', target: publisher, detail }, () =>
      trust.trustPublisher({ publisher, tier, ...signerOf(request.body) }),
    );
    reply.code(201);
    return { publisher, ...publisherView(added) };
  });
}
