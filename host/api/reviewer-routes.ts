import type { FastifyInstance } from 'fastify';
import { MAX_REVIEWS, type ProvenanceRule } from '../../kernel/trust/policy.ts';
import { policyView } from '../trust/policy-json.ts';
import { type SignerBody, signerOf } from '../trust/signer-body.ts';
import { audited } from './audited.ts';
import { answers, object } from './schemas.ts';
import type { ControlServices } from './services.ts';
import { addSignerRemoval, identityText, publisherName, signerBody } from './signer-routes.ts';

interface RequirementsBody {
  reviews?: number;
  provenance?: ProvenanceRule | null;
}

/** Whose reviews count, and what the packages of a publisher need beside their signature. */
export function registerReviewerRoutes(app: FastifyInstance, services: ControlServices): void {
  addReviewer(app, services);
  addSignerRemoval(app, services, {
    url: '/v1/reviewers',
    party: 'reviewer',
    action: 'reviewer.remove',
    summaries: {
      all: 'Count no review of a reviewer any more',
      keys: 'Count nothing any more that one of the keys of a reviewer signed',
      identities: 'Count nothing any more that one of the identities of a reviewer signed',
    },
    remove: services.trust.removeReviewer,
  });
  addRequirements(app, services);
}

function addReviewer(app: FastifyInstance, { trust, audit }: ControlServices): void {
  const schema = {
    tags: ['access'],
    summary: 'Let a key (P-256, PEM) or an identity count as a reviewer',
    body: signerBody('reviewer'),
    response: answers(201, 'Its reviews count.'),
  };
  type Body = SignerBody & { readonly reviewer: string };
  app.post<{ Body: Body }>('/v1/reviewers', { schema }, async (request, reply) => {
    const { reviewer } = request.body;
    await audited(audit, request, { action: 'reviewer.add', target: reviewer, detail: {} }, () =>
      trust.trustReviewer({ reviewer, ...signerOf(request.body) }),
    );
    const { reviewers } = policyView(await trust.policy());
    reply.code(201);
    return { reviewer, ...reviewers[reviewer] };
  });
}

function addRequirements(app: FastifyInstance, { trust, audit }: ControlServices): void {
  const schema = {
    tags: ['access'],
    summary: 'What the packages of a publisher need beside their signature; what is left out stays as it is',
    params: object({ publisher: publisherName }, ['publisher']),
    body: { ...object(REQUIREMENTS, []), minProperties: 1 },
    response: answers(200, 'In force for what is staged, installed or started from now on.'),
  };
  const url = '/v1/trust/:publisher/requirements';
  app.put<{ Params: { publisher: string }; Body: RequirementsBody }>(url, { schema }, async (request) => {
    const { publisher } = request.params;
    const detail = JSON.parse(JSON.stringify(request.body));
    await audited(audit, request, { action: 'trust.require', target: publisher, detail }, () =>
      trust.require({ publisher, ...request.body }),
    );
    const { publishers } = policyView(await trust.policy());
    return { publisher, ...publishers[publisher] };
  });
}

const REQUIREMENTS = {
  reviews: { type: 'integer', minimum: 0, maximum: MAX_REVIEWS, description: '0: none.' },
  provenance: {
    ...object({ builder: identityText, sourceRepository: identityText }, ['builder', 'sourceRepository']),
    type: ['object', 'null'],
    description: 'SLSA provenance, matched exactly. `null`: none.',
  },
};
