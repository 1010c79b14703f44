import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { MaggateAdapter } from '../../../adapters/maggate/index.ts';
import { MagError, messageOf } from '../../../kernel/errors.ts';
import type { EndpointHost } from '../../../kernel/operator.ts';
import type { Logger, LogStore } from '../../../kernel/ports.ts';
import { CODES } from '../../../manifests/catalog/index.ts';
import type { Json } from '../../../manifests/json.ts';
import type { ExtensionId } from '../../../manifests/manifest/manifest.ts';
import type { RequestContext } from '../../../manifests/protocol/frames.ts';
import { mayCall } from '../magauth/roles.ts';
import type { AccessControl } from './access-control.ts';
import { addBodyParsers, MAX_BODY_BYTES } from './endpoint-body.ts';
import { createEndpointEvents } from './endpoint-events.ts';
import type { EndpointMatch, EndpointRoute, EndpointRouter } from './endpoint-router.ts';
import {
  applyHookedRequest,
  createGuestRequest,
  type GuestRequest,
  toHookedRequest,
} from './guest-request.ts';
import { type GuestResponse, readGuestResponse, sendGuestResponse } from './guest-response.ts';
import { pathOf } from './path.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** The endpoint of an extension this request is for. */
    endpoint: EndpointMatch | null;
  }
}

export interface EndpointServices {
  readonly router: EndpointRouter;
  readonly endpoints: EndpointHost;
  readonly access: AccessControl;
  readonly adapter: MaggateAdapter;
  readonly logs: LogStore;
  readonly logger: Logger;
}

const METHODS = ['DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT'];
const MOUNT = /^\/x\/([a-z0-9][a-z0-9-]{1,38}\/[a-z0-9][a-z0-9-]{1,62})(?:\/|$)/;

/** Serves the endpoints of extensions below `/x/<publisher>/<name>` (spec 09). */
export function registerEndpointRoutes(app: FastifyInstance, services: EndpointServices): void {
  const events = createEndpointEvents(services.adapter, services.logger);
  app.register(async (scope) => {
    addBodyParsers(scope);
    // Everything is decided before the first byte of a body is read.
    scope.addHook('onRequest', async (request) => {
      await enter(request, services);
      events.received(request);
    });
    scope.addHook('onResponse', async (request, reply) => events.sent(request, reply));
    scope.route({
      method: METHODS,
      url: '/x/*',
      schema: { hide: true },
      bodyLimit: MAX_BODY_BYTES,
      handler: (request, reply) => serve(request, reply, services),
    });
  });
}

async function enter(
  request: FastifyRequest,
  { router, endpoints, access }: EndpointServices,
): Promise<void> {
  const path = pathOf(request.url);
  const match = router.find(request.method, path);
  if (match === null) throw await whyNot(path, router, endpoints);
  request.endpoint = match;
  const { auth, label } = match.route;
  request.callContext =
    auth === 'none'
      ? access.anonymous(request)
      : await access.admit(request, label, (caller) => mayCall(caller.role, auth));
}

async function whyNot(path: string, router: EndpointRouter, endpoints: EndpointHost): Promise<MagError> {
  const id = MOUNT.exec(path)?.[1];
  if (id === undefined) return new MagError('E_NOT_FOUND', 'No such route.');
  if (router.serves(id)) return new MagError('E_NOT_FOUND', `The extension ${id} serves no such endpoint.`);
  const code = await endpoints.whyNot(id as ExtensionId);
  return new MagError(code, CODES[code].meaning);
}

async function serve(request: FastifyRequest, reply: FastifyReply, services: EndpointServices) {
  const { endpoint, callContext } = request;
  if (endpoint === null || callContext === null) throw new MagError('E_INTERNAL', 'Not entered.');
  const path = pathOf(request.url);
  const guest = createGuestRequest(request, endpoint, path);
  let response: GuestResponse;
  try {
    response = await callGuest({ guest, path, route: endpoint.route, context: callContext }, services);
  } catch (error) {
    throw withoutDetail(error);
  }
  for (const name of sendGuestResponse(reply, response)) {
    note(endpoint.route, services, `The response header ${name} is not allowed and was left out.`);
  }
  return reply;
}

interface GuestCall {
  readonly guest: GuestRequest;
  readonly path: string;
  readonly route: EndpointRoute;
  readonly context: RequestContext;
}

async function callGuest(call: GuestCall, services: EndpointServices): Promise<GuestResponse> {
  const { guest, path, route, context } = call;
  const { wrapRequest, transformResponse } = services.adapter.hooks();
  const options = { request: context, resource: { paths: path } };
  if (wrapRequest.isUsed()) {
    applyHookedRequest(guest, await wrapRequest.fire(toHookedRequest(guest, path), options));
  }
  const answer = await services.endpoints.invoke(route.extension, route.target, guest, context);
  const response = readAnswer(answer, route, services);
  if (!transformResponse.isUsed()) return response;
  const hooked = { ...response, request: { method: guest.method, path } };
  return readAnswer(await transformResponse.fire(hooked, options), route, services);
}

function readAnswer(answer: Json, route: EndpointRoute, services: EndpointServices): GuestResponse {
  try {
    return readGuestResponse(answer);
  } catch (error) {
    note(route, services, messageOf(error));
    throw error;
  }
}

/** Tells the author, in the log of the extension, once per endpoint. */
function note(route: EndpointRoute, { logs }: EndpointServices, message: string): void {
  if (!route.remark(message)) return;
  const { extension, label } = route;
  logs.write({
    at: new Date(),
    extension,
    level: 'warn',
    message,
    fields: { endpoint: label },
    traceId: null,
  });
}

/**
 * Whoever calls an endpoint is told the code and nothing else (spec 09): the message of an extension, or of
 * a host call it made, may name its tables or tenants.
 */
function withoutDetail(error: unknown): unknown {
  if (!(error instanceof MagError)) return error;
  return new MagError(error.code, CODES[error.code].meaning, { cause: error, blame: error.blame });
}
