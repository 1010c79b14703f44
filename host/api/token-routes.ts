import type { FastifyInstance } from 'fastify';
import { MagError } from '../../kernel/errors.ts';
import { INBOUND } from '../../manifests/manifest/inbound.ts';
import type { NewToken, TokenRecord } from '../components/magauth/ports.ts';
import { ROLE_PATTERN } from '../components/magauth/roles.ts';
import { principalOf } from '../components/maggate/access-control.ts';
import { audited } from './audited.ts';
import { pageAddress, pageOf } from './page.ts';
import { answers, idParams, limit, listOf, object, tenantId, userId } from './schemas.ts';
import type { ControlServices } from './services.ts';

interface TokenBody {
  name: string;
  role: string;
  tenant?: string;
  expiresAt?: string;
  user?: string;
  readOnly?: boolean;
  paths?: string[];
}

/** API tokens of every tenant. */
export function registerTokenRoutes(app: FastifyInstance, services: ControlServices): void {
  addList(app, services);
  addCreate(app, services);
  addRevoke(app, services);
}

function addList(app: FastifyInstance, { auth }: ControlServices): void {
  const { tokens } = auth.stores;
  const schema = {
    tags: ['access'],
    summary: 'Tokens, without their text',
    querystring: object({ after: { type: 'string', maxLength: 100 }, limit }),
    response: answers(200, 'A page of tokens.', listOf('tokens')),
  };
  app.get<{ Querystring: { after?: string; limit: number } }>('/v1/tokens', { schema }, async (request) => {
    const { query } = request;
    const { page, last } = pageOf(await tokens.list(), ({ id }) => id, query);
    const next = last === null ? null : pageAddress('/v1/tokens', { after: last, limit: query.limit });
    return { tokens: page.map(tokenView), next };
  });
}

function addCreate(app: FastifyInstance, { auth, audit }: ControlServices): void {
  const { tokens } = auth.stores;
  const schema = {
    tags: ['access'],
    summary: 'Make a token; its text is in this answer and nowhere else',
    body: TOKEN_BODY,
    response: answers(201, 'The token.'),
  };
  app.post<{ Body: TokenBody }>('/v1/tokens', { schema }, async (request, reply) => {
    const by = principalOf(request);
    const wanted = readToken(request.body, by.tenant);
    const {
      name,
      role,
      tenantId,
      expiresAt = null,
      principalId = null,
      readOnly = false,
      paths = null,
    } = wanted;
    const move = {
      action: 'token.create',
      target: `token:${name}`,
      detail: { name, role, tenant: tenantId, user: principalId, readOnly, paths: paths && [...paths] },
    };
    const { id, token } = await audited(audit, request, move, async () => {
      checkExpiry(expiresAt);
      return tokens.create(wanted);
    });
    reply.code(201).header('cache-control', 'no-store');
    return { id, token, name, role, tenant: tenantId, expiresAt, user: principalId, readOnly, paths };
  });
}

function addRevoke(app: FastifyInstance, { auth, audit }: ControlServices): void {
  const schema = {
    tags: ['access'],
    summary: 'Revoke a token, at once',
    params: idParams,
    response: answers(200, 'Revoked.'),
  };
  app.delete<{ Params: { id: string } }>('/v1/tokens/:id', { schema }, async (request) => {
    const { id } = request.params;
    const move = { action: 'token.revoke', target: `token:${id}`, detail: {} };
    await audited(audit, request, move, async () => {
      if (!(await auth.stores.tokens.revoke(id))) throw new MagError('E_NOT_FOUND', 'No such token.');
      auth.authenticator.forget();
    });
    return { id, revoked: true };
  });
}

const TOKEN_BODY = object(
  {
    name: { type: 'string', minLength: 1, maxLength: 80 },
    role: { type: 'string', pattern: ROLE_PATTERN, not: { enum: INBOUND } },
    tenant: tenantId,
    expiresAt: { type: 'string', format: 'date-time' },
    user: { ...userId, description: 'Whom it acts for, for as long as they have the role.' },
    readOnly: { type: 'boolean', description: 'Good for GET and HEAD alone.' },
    paths: {
      type: 'array',
      description: 'Good for these paths and what is below them alone.',
      minItems: 1,
      maxItems: 50,
      items: { type: 'string', pattern: '^/[A-Za-z0-9/_.~-]*$', maxLength: 200 },
    },
  },
  ['name', 'role'],
);

function readToken(
  { name, role, tenant, expiresAt, user, ...narrowed }: TokenBody,
  ownTenant: string,
): NewToken {
  return {
    name,
    role,
    tenantId: tenant ?? ownTenant,
    ...(expiresAt === undefined ? {} : { expiresAt: new Date(expiresAt) }),
    ...(user === undefined ? {} : { principalId: user }),
    ...narrowed,
  };
}

function checkExpiry(expiresAt: Date | null): void {
  if (expiresAt === null || expiresAt.getTime() > Date.now()) return;
  throw new MagError('E_BAD_REQUEST', 'expiresAt is in the past.');
}

function tokenView({ tenantId, principal, ...token }: TokenRecord) {
  const { id, name, role, createdAt, expiresAt, revokedAt, lastUsedAt, readOnly, paths } = token;
  const user = principal?.id ?? null;
  return {
    ...{ id, name, role, tenant: tenantId, createdAt, expiresAt, revokedAt, lastUsedAt },
    ...{ user, readOnly, paths },
  };
}
