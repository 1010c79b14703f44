import type { FastifyRequest } from 'fastify';
import type { MaggateAdapter } from '../../../adapters/maggate/index.ts';
import { MagError } from '../../../kernel/errors.ts';
import type { GuardPoint } from '../../../kernel/hooks/hook-point.ts';
import type { JsonObject } from '../../../manifests/json.ts';
import { NO_ROLES } from '../../../manifests/manifest/inbound.ts';
import type { RequestContext } from '../../../manifests/protocol/frames.ts';
import type { DenialLog } from './denials.ts';
import { canonicalPath } from './endpoint-path.ts';
import type { EndpointMatch } from './endpoint-router.ts';

/** What extensions say about a request before an endpoint sees it (spec 04). */
export interface EndpointGuards {
  /** `undefined`: nobody has anything to say. @throws `E_VETO` with the reason of the extension */
  ask(request: FastifyRequest): Promise<void> | undefined;
}

/**
 * Asks who may call an endpoint first, of MagAuth and then of the gateway, then whether it is one call too many: what is
 * refused does not count.
 * Nothing of the control API passes here, so no extension can lock operators out.
 */
export function createEndpointGuards(
  adapter: MaggateAdapter,
  permissionResolver: GuardPoint,
  denials: DenialLog,
): EndpointGuards {
  async function ask(request: FastifyRequest): Promise<void> {
    const { endpoint, callContext } = request;
    if (endpoint === null || callContext === null) throw new MagError('E_INTERNAL', 'Not entered.');
    const { rbacResolver, rateLimitStrategy } = adapter.hooks();
    const { auth } = endpoint.route;
    const { principal } = callContext;
    if (permissionResolver.isUsed() && !NO_ROLES.includes(auth) && principal !== null) {
      await recorded(denials, endpoint, callContext, () =>
        permissionResolver.ask(
          {
            principal,
            tenantId: callContext.tenantId,
            roles: [...(callContext.membership?.roles ?? [])],
            wanted: auth,
            extension: endpoint.route.extension,
            route: endpoint.route.label,
          },
          { request: callContext },
        ),
      );
    }
    if (rbacResolver.isUsed() && endpoint.route.auth !== 'none') {
      await recorded(denials, endpoint, callContext, () => put(rbacResolver, request, endpoint, callContext));
    }
    if (rateLimitStrategy.isUsed()) await put(rateLimitStrategy, request, endpoint, callContext);
  }

  return {
    ask(request) {
      const { rbacResolver, rateLimitStrategy } = adapter.hooks();
      const isUsed = permissionResolver.isUsed() || rbacResolver.isUsed() || rateLimitStrategy.isUsed();
      return isUsed ? ask(request) : undefined;
    },
  };
}

function put(
  guard: GuardPoint,
  { method }: FastifyRequest,
  endpoint: EndpointMatch,
  context: RequestContext,
): Promise<void> {
  const path = canonicalPath(endpoint);
  const { extension, version, path: route, auth } = endpoint.route;
  const { principal, tenantId } = context;
  const asked: JsonObject = { principal, tenantId, method, path, extension, version, route, auth };
  return guard.ask(asked, { request: context, resource: { paths: path } });
}

/** A refusal of an extension is on record like one of ours. */
async function recorded(
  denials: DenialLog,
  { route }: EndpointMatch,
  { principal, tenantId }: RequestContext,
  ask: () => Promise<void>,
): Promise<void> {
  try {
    await ask();
  } catch (error) {
    if (error instanceof MagError && error.code === 'E_VETO') {
      const { extension: by = '' } = error.blame;
      const who = { principal: principal?.id ?? 'anonymous', tenant: tenantId };
      await denials.record({ ...who, target: route.label, code: error.code, by });
    }
    throw error;
  }
}
