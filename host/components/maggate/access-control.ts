import type { FastifyRequest } from 'fastify';
import { MagError } from '../../../kernel/errors.ts';
import type { Principal } from '../../../kernel/operator.ts';
import type { Code } from '../../../manifests/catalog/index.ts';
import type { RequestContext } from '../../../manifests/protocol/frames.ts';
import type { Authenticator } from '../magauth/authenticator.ts';
import type { Cookies } from '../magauth/cookies.ts';
import type { MembershipResolver, ResolvedMembership } from '../magauth/memberships.ts';
import { type Credential, principalIdOf } from '../magauth/ports.ts';
import { isAmong, type Role } from '../magauth/roles.ts';
import { isExpired, type Peer } from './client-certificate.ts';
import type { DenialLog } from './denials.ts';
import { foreignTenant } from './named-tenant.ts';
import { pathOf } from './path.ts';
import type { RateLimiter } from './rate-limits.ts';
import { createAnonymousContext, createRequestContext, readContextHeaders } from './request-context.ts';

/**
 * Who may call a route. `public`: anybody. `loopback`: anybody on this machine, else these roles.
 * `endpoint`: the manifest of the extension says. `member`: whoever is known, in a tenant of theirs.
 */
export type Access =
  | { readonly kind: 'public' }
  | { readonly kind: 'endpoint' }
  | { readonly kind: 'member' }
  | { readonly kind: 'loopback'; readonly roles: readonly Role[] }
  | { readonly kind: 'roles'; readonly roles: readonly Role[] };

/** The tenant that operates the host (spec 04, request context). */
const CONTROL_PLANE = 't_system';

declare module 'fastify' {
  interface FastifyRequest {
    /** Who asks and in which tenant; `null` on public routes. */
    caller: Credential | null;
    callContext: RequestContext | null;
    /** `config` of `routeOptions`, which are built anew whenever they are asked for; `null` before the first hook. */
    routeConfig: FastifyRequest['routeOptions']['config'] | null;
  }
  interface FastifyContextConfig {
    access?: Access;
    /** The body is kept for somebody else, whose names say nothing about this request. */
    bodyOfOthers?: true;
  }
}

/**
 * Several reasons against a request are told in this order: nobody is known by its token (401), its context is
 * malformed (400), it may not do this there (403).
 */
export interface AccessControl {
  /** Authenticates and authorises a request for a route of the control API; `undefined`: anybody may. @throws `E_AUTH_REQUIRED`, `E_FORBIDDEN` */
  enter(request: FastifyRequest, access: Access): Promise<void> | undefined;
  /** The same for an endpoint: `wanted` is the `auth` of its manifest, `may` decides about the roles. */
  admit(
    request: FastifyRequest,
    target: string,
    may: (membership: ResolvedMembership) => boolean | Promise<boolean>,
  ): Promise<RequestContext>;
  /** Context of a request that needs no token. Whatever token it carries is not looked at. */
  anonymous(request: FastifyRequest): RequestContext;
  /** Context of a request that the certificate of its connection is to name somebody for. @throws `E_AUTH_REQUIRED`, `E_FORBIDDEN` */
  certified(request: FastifyRequest): Promise<RequestContext>;
  /** When its body is read: that it names no other tenant than its context. @throws `E_FORBIDDEN` */
  requireOwnTenant(request: FastifyRequest): Promise<void> | undefined;
  /** Puts on record that a request was refused; the error is to be thrown. */
  refused(request: FastifyRequest, code: Code, detail: string): Promise<MagError>;
}

export interface AccessDeps {
  readonly authenticator: Authenticator;
  readonly memberships: MembershipResolver;
  readonly denials: DenialLog;
  readonly limiter: Pick<RateLimiter, 'mayGuess' | 'guessed'>;
  readonly cookies: Cookies;
  readonly anonymousTenantId: string;
}

export function createAccessControl(deps: AccessDeps): AccessControl {
  const { authenticator, memberships, denials, limiter, cookies, anonymousTenantId } = deps;

  async function admit(
    request: FastifyRequest,
    target: string,
    may: (membership: ResolvedMembership) => boolean | Promise<boolean>,
  ) {
    const authorization = credentialOf(request, cookies);
    const answer = authenticator.authenticate(authorization, () => limiter.mayGuess(request));
    // Most answers are known: no turn of the event loop for them.
    const caller = answer instanceof Promise ? await answer : answer;
    if (caller === null) {
      if (authorization !== undefined) await limiter.guessed(request);
      throw await refuse(request, target, 'E_AUTH_REQUIRED', 'A valid bearer token is required.');
    }
    request.caller = caller;
    if (request.headers.authorization === undefined && !cookies.isOwnRequest(request))
      throw await refuse(
        request,
        target,
        'E_FORBIDDEN',
        'A session in a cookie is for requests of this site.',
      );
    if (!isWithin(caller, request))
      throw await refuse(request, target, 'E_FORBIDDEN', 'The token is narrowed to other requests.');
    const headers = readContextHeaders(request);
    const tenantId = headers.tenantId ?? caller.tenantId;
    const found = memberships.membership(caller, tenantId, { ...headers, traceId: request.id });
    const membership = found instanceof Promise ? await found : found;
    if (membership === null)
      throw await refuse(request, target, 'E_FORBIDDEN', 'The token is no member of the tenant it names.');
    const isAllowed = may(membership);
    if (!(isAllowed instanceof Promise ? await isAllowed : isAllowed)) {
      const detail = `The role ${membership.roles.join(', ')} may not do this.`;
      throw await refuse(request, target, 'E_FORBIDDEN', detail);
    }
    return createRequestContext(request, headers, caller, membership);
  }

  async function enter(request: FastifyRequest, access: Exclude<Access, { kind: 'public' | 'endpoint' }>) {
    // The control plane is t_system's: a role in another tenant is a role there.
    request.callContext = await admit(
      request,
      targetOf(request),
      ({ tenantId, roles }) =>
        access.kind === 'member' || (tenantId === CONTROL_PLANE && isAmong(roles, access.roles)),
    );
  }

  async function certified(request: FastifyRequest) {
    const { peer } = request;
    if (peer === null) {
      const detail = 'A client certificate at the mutual-TLS listener is required.';
      throw await refuse(request, targetOf(request), 'E_AUTH_REQUIRED', detail);
    }
    const caller = certificateOf(peer, anonymousTenantId);
    request.caller = caller;
    if (isExpired(peer)) {
      const detail = 'The client certificate has expired.';
      throw await refuse(request, targetOf(request), 'E_AUTH_REQUIRED', detail);
    }
    const principal = { id: principalIdOf(caller), name: caller.name, role: '' };
    return createAnonymousContext(request, readContextHeaders(request), anonymousTenantId, principal);
  }

  async function refuseForeign(request: FastifyRequest, place: string): Promise<never> {
    const detail = `The ${place} names another tenant than the one this request acts in.`;
    throw await refuse(request, targetOf(request), 'E_FORBIDDEN', detail);
  }

  async function refuse(request: FastifyRequest, target: string, code: Code, detail: string) {
    const { caller, callContext } = request;
    const principal = caller === null ? 'anonymous' : principalIdOf(caller);
    const tenant = callContext?.tenantId ?? caller?.tenantId ?? anonymousTenantId;
    await denials.record({ principal, tenant, target, code });
    return new MagError(code, detail);
  }

  return {
    admit,
    enter(request, access) {
      if (access.kind === 'public' || access.kind === 'endpoint') return undefined;
      if (access.kind === 'loopback' && isLoopback(request)) return undefined;
      return enter(request, access);
    },
    anonymous: (request) => createAnonymousContext(request, readContextHeaders(request), anonymousTenantId),
    certified,
    requireOwnTenant(request) {
      const { callContext } = request;
      if (callContext === null || callContext.principal === null) return undefined;
      const place = foreignTenant(request, callContext.tenantId);
      return place === null ? undefined : refuseForeign(request, place);
    },
    refused: (request, code, detail) => refuse(request, targetOf(request), code, detail),
  };
}

/** It has no roles: what it may call is what asks for a certificate. */
function certificateOf({ name, certificate, expiresAt }: Peer, tenantId: string): Credential {
  const { fingerprint: id } = certificate;
  const unbounded = { role: null, principal: null, readOnly: false, paths: null } as const;
  return { kind: 'certificate', id, name, tenantId, createdAt: new Date(), expiresAt, ...unbounded };
}

/** What a request is authenticated with, as an `Authorization` header: its own, or the session in its cookie. */
export function credentialOf(request: FastifyRequest, cookies: Cookies): string | undefined {
  const { authorization } = request.headers;
  if (authorization !== undefined) return authorization;
  const session = cookies.session(request);
  return session === null ? undefined : `Bearer ${session}`;
}

/** Whether a credential is good for a request, however it is narrowed. */
export function isWithin(
  { readOnly, paths }: Credential,
  { method, url }: Pick<FastifyRequest, 'method' | 'url'>,
): boolean {
  if (readOnly && method !== 'GET' && method !== 'HEAD') return false;
  if (paths === null) return true;
  const path = pathOf(url);
  return paths.some(
    (prefix) => path === prefix || path.startsWith(prefix.endsWith('/') ? prefix : `${prefix}/`),
  );
}

/** A pattern, never text of the client. */
function targetOf(request: FastifyRequest): string {
  return request.endpoint?.route.label ?? `${request.method} ${request.routeOptions.url}`;
}

/** From this machine and not passed on by a proxy here: a proxy makes everybody look local. */
function isLoopback(request: FastifyRequest): boolean {
  const address = request.socket.remoteAddress ?? '';
  const local = address === '::1' || address.startsWith('127.') || address.startsWith('::ffff:127.');
  const { headers } = request;
  return local && headers['x-forwarded-for'] === undefined && headers.forwarded === undefined;
}

/** Who asks, as the kernel puts it on record. Only for routes that ask for a role. */
export function principalOf(request: FastifyRequest): Principal {
  if (request.caller === null) throw new MagError('E_AUTH_REQUIRED', 'A valid bearer token is required.');
  const tenant = request.callContext?.tenantId ?? request.caller.tenantId;
  return { id: principalIdOf(request.caller), tenant };
}
