import type { FastifyRequest } from 'fastify';
import { MagError } from '../../../kernel/errors.ts';
import { DEFAULT_ENV, type RequestContext } from '../../../manifests/protocol/frames.ts';
import type { ResolvedMembership } from '../magauth/memberships.ts';
import { type Credential, principalIdOf } from '../magauth/ports.ts';

interface Grammar {
  readonly header: string;
  readonly pattern: RegExp;
  readonly maxChars: number;
}

const TENANT: Grammar = { header: 'X-Tenant-Id', pattern: /^t_[a-z0-9_-]+$/, maxChars: 80 };
const ENV: Grammar = { header: 'X-Env', pattern: /^[a-z0-9_-]+$/, maxChars: 40 };
const ID = { pattern: /^[A-Za-z0-9][A-Za-z0-9_-]*$/, maxChars: 64 } as const;
const SURFACE: Grammar = { header: 'X-Surface-Id', ...ID };
const APP: Grammar = { header: 'X-App-Id', ...ID };
const PROJECT: Grammar = { header: 'X-Project-Id', ...ID };

/** What the headers of a request say about its context, well-formed and not yet believed. */
export interface ContextHeaders extends Pick<RequestContext, 'surfaceId' | 'appId' | 'projectId'> {
  /** `null`: it names none. */
  readonly tenantId: string | null;
  readonly env: string;
}

/** @throws `E_BAD_REQUEST` for a malformed header: one that was sent twice is. */
export function readContextHeaders(request: Pick<FastifyRequest, 'headers'>): ContextHeaders {
  const read = (grammar: Grammar) => readHeader(request, grammar);
  const [surfaceId, appId, projectId] = [read(SURFACE), read(APP), read(PROJECT)];
  return {
    tenantId: read(TENANT) ?? null,
    env: read(ENV) ?? DEFAULT_ENV,
    ...(surfaceId === undefined ? {} : { surfaceId }),
    ...(appId === undefined ? {} : { appId }),
    ...(projectId === undefined ? {} : { projectId }),
  };
}

function readHeader(
  request: Pick<FastifyRequest, 'headers'>,
  { header, pattern, maxChars }: Grammar,
): string | undefined {
  const value = request.headers[header.toLowerCase()];
  if (value === undefined) return undefined;
  if (typeof value === 'string' && value.length <= maxChars && pattern.test(value)) return value;
  throw new MagError(
    'E_BAD_REQUEST',
    `${header} does not match ${pattern.source}, at most ${maxChars} characters.`,
  );
}

/** The context a request acts in (spec 04). Its role is that in the tenant it acts in. */
export function createRequestContext(
  request: Pick<FastifyRequest, 'id'>,
  { env, tenantId: _named, ...named }: ContextHeaders,
  caller: Credential,
  { tenantId, roles, mode }: ResolvedMembership,
): RequestContext {
  return {
    tenantId,
    env,
    principal: { id: principalIdOf(caller), name: caller.name, role: roles[0] ?? '' },
    membership: { tenantId, roles },
    ...named,
    mode,
    traceId: request.id,
  };
}

/**
 * Of a request that needs no token; `principal` is who its certificate names.
 * @throws `E_FORBIDDEN` when it names another tenant than that of such requests
 */
export function createAnonymousContext(
  request: Pick<FastifyRequest, 'id'>,
  { env, tenantId: named, ...rest }: ContextHeaders,
  tenantId: string,
  principal: RequestContext['principal'] = null,
): RequestContext {
  if (named !== null && named !== tenantId)
    throw new MagError('E_FORBIDDEN', 'A request without a token is in no tenant it could name.');
  return { tenantId, env, principal, membership: null, ...rest, mode: null, traceId: request.id };
}
