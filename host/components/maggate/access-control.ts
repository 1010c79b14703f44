import type { FastifyRequest } from 'fastify';
import { MagError } from '../../../kernel/errors.ts';
import type { Principal } from '../../../kernel/operator.ts';
import type { RequestContext } from '../../../manifests/protocol/frames.ts';
import type { Authenticator } from '../magauth/authenticator.ts';
import type { TokenRecord } from '../magauth/ports.ts';
import { isAmong, type Role } from '../magauth/roles.ts';
import type { DenialLog } from './denials.ts';
import { createRequestContext } from './request-context.ts';

/**
 * Who may call a route. `public`: anybody. `loopback`: anybody on this machine, else these roles.
 * `endpoint`: the manifest of the extension says.
 */
export type Access =
  | { readonly kind: 'public' }
  | { readonly kind: 'endpoint' }
  | { readonly kind: 'loopback'; readonly roles: readonly Role[] }
  | { readonly kind: 'roles'; readonly roles: readonly Role[] };

/** The tenant that operates the host (spec 04, request context). */
const CONTROL_PLANE = 't_system';

declare module 'fastify' {
  interface FastifyRequest {
    /** Who asks and in which tenant; `null` on public routes. */
    caller: TokenRecord | null;
    callContext: RequestContext | null;
  }
  interface FastifyContextConfig {
    access?: Access;
  }
}

export interface AccessControl {
  /** Authenticates and authorises a request for a route of the control API. @throws `E_AUTH_REQUIRED`, `E_FORBIDDEN` */
  enter(request: FastifyRequest, access: Access): Promise<void>;
  /** The same for an endpoint: `wanted` is the `auth` of its manifest, `may` decides about the role. */
  admit(
    request: FastifyRequest,
    target: string,
    may: (caller: TokenRecord) => boolean,
  ): Promise<RequestContext>;
  /** Context of a request that needs no token. Whatever token it carries is not looked at. */
  anonymous(request: FastifyRequest): RequestContext;
}

export function createAccessControl(deps: {
  authenticator: Authenticator;
  denials: DenialLog;
  anonymousTenantId: string;
}): AccessControl {
  const { authenticator, denials, anonymousTenantId } = deps;

  async function admit(request: FastifyRequest, target: string, may: (caller: TokenRecord) => boolean) {
    const answer = authenticator.authenticate(request.headers.authorization);
    // Most answers are known: no turn of the event loop for them.
    const caller = answer instanceof Promise ? await answer : answer;
    if (caller === null) throw await refuse(null, target, 'A valid bearer token is required.');
    request.caller = caller;
    if (!may(caller)) throw await refuse(caller, target, `The role ${caller.role} may not do this.`);
    return contextOf(request, caller, target);
  }

  async function contextOf(request: FastifyRequest, caller: TokenRecord, target: string) {
    try {
      return createRequestContext(request, caller, anonymousTenantId);
    } catch (error) {
      if (error instanceof MagError && error.code === 'E_FORBIDDEN') {
        throw await refuse(caller, target, error.message);
      }
      throw error;
    }
  }

  async function refuse(caller: TokenRecord | null, target: string, detail: string): Promise<MagError> {
    const code = caller === null ? 'E_AUTH_REQUIRED' : 'E_FORBIDDEN';
    const principal = caller === null ? 'anonymous' : `token:${caller.id}`;
    await denials.record({ principal, tenant: caller?.tenantId ?? anonymousTenantId, target, code });
    return new MagError(code, detail);
  }

  return {
    admit,
    async enter(request, access) {
      if (access.kind === 'public' || access.kind === 'endpoint') return;
      if (access.kind === 'loopback' && isLoopback(request)) return;
      const target = `${request.method} ${request.routeOptions.url}`;
      // The control plane is t_system's: a role in another tenant is a role there.
      request.callContext = await admit(
        request,
        target,
        (caller) => caller.tenantId === CONTROL_PLANE && isAmong(caller.role, access.roles),
      );
    },
    anonymous: (request) => createRequestContext(request, null, anonymousTenantId),
  };
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
  return { id: `token:${request.caller.id}`, tenant: request.caller.tenantId };
}
