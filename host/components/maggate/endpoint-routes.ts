import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { MaggateAdapter } from '../../../adapters/maggate/index.ts';
import { codeOf, MagError, messageOf } from '../../../kernel/errors.ts';
import type { EndpointHost } from '../../../kernel/operator.ts';
import type { Logger, LogStore } from '../../../kernel/ports.ts';
import type { GuestStream } from '../../../kernel/sandbox/cell.ts';
import { CODES } from '../../../manifests/catalog/index.ts';
import type { Json } from '../../../manifests/json.ts';
import type { ExtensionId } from '../../../manifests/manifest/manifest.ts';
import type { RequestContext } from '../../../manifests/protocol/frames.ts';
import type { Cookies } from '../magauth/cookies.ts';
import type { RoleBook } from '../magauth/role-book.ts';
import { type AccessControl, credentialOf } from './access-control.ts';
import { after } from './after.ts';
import { addBodyParsers, MAX_BODY_BYTES } from './endpoint-body.ts';
import { createEndpointEvents } from './endpoint-events.ts';
import type { EndpointGuards } from './endpoint-guards.ts';
import { canonicalPath } from './endpoint-path.ts';
import type { EndpointMatch, EndpointRouter } from './endpoint-router.ts';
import type { EndpointRoute } from './endpoint-table.ts';
import type { EndpointUsageLog } from './endpoint-usage.ts';
import { acceptForms, readForm } from './form-body.ts';
import {
  applyHookedRequest,
  createGuestRequest,
  type GuestRequest,
  toHookedRequest,
} from './guest-request.ts';
import { type GuestResponse, readGuestResponse, sendGuestResponse } from './guest-response.ts';
import { streamBody } from './guest-stream.ts';
import { pathOf } from './path.ts';
import type { RateLimiter } from './rate-limits.ts';
import { requireBody } from './request-schema.ts';
import { isSigned, type WebhookSecrets } from './webhook.ts';

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
  readonly limiter: RateLimiter;
  readonly roles: RoleBook;
  readonly cookies: Cookies;
  readonly guards: EndpointGuards;
  readonly usage: EndpointUsageLog;
  readonly logs: LogStore;
  readonly logger: Logger;
  /** Aborted when the host stops: streams end then. */
  readonly closing: AbortSignal;
  readonly webhookSecrets: WebhookSecrets;
}

const METHODS = ['DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT'];
/** With a version before it, or none. */
const URLS = ['/x/*', '/v:version(^[1-9][0-9]?$)/x/*'];
const MOUNT = /^(?:\/v[1-9][0-9]?)?\/x\/([a-z0-9][a-z0-9-]{1,38}\/[a-z0-9][a-z0-9-]{1,62})(?:\/|$)/;

/** Serves the endpoints of extensions below `/x/<publisher>/<name>` (spec 09). */
export function registerEndpointRoutes(app: FastifyInstance, services: EndpointServices): void {
  const events = createEndpointEvents(services.adapter, services.logger);
  app.register(async (scope) => {
    addBodyParsers(scope);
    await acceptForms(scope);
    // Everything is decided before the first byte of a body is read.
    scope.addHook('onRequest', async (request, reply) => {
      await enter(request, reply, services);
      events.received(request);
      const asked = services.guards.ask(request);
      if (asked !== undefined) await asked;
    });
    scope.addHook('preValidation', (request, _reply, done) => {
      const route = request.endpoint?.route;
      const isPlain = route?.webhook === null && route.request === null && !request.isMultipart();
      after(isPlain ? undefined : look(request, services), done);
    });
    scope.addHook('onResponse', (request, reply, done) => {
      events.sent(request, reply);
      services.usage.answered(request, reply);
      done();
    });
    for (const url of URLS) {
      scope.route({
        method: METHODS,
        url,
        schema: { hide: true },
        bodyLimit: MAX_BODY_BYTES,
        handler: (request, reply) => serve(request, reply, services),
      });
    }
  });
}

/** Whoever is nobody is counted first, before anything costs: why there is no such endpoint, or who that is. */
async function enter(
  request: FastifyRequest,
  reply: FastifyReply,
  { router, endpoints, access, limiter, roles, cookies }: EndpointServices,
): Promise<void> {
  const path = pathOf(request.url);
  const match = visible(request, router.find(request.method, path));
  request.endpoint = match;
  if (match === null || isNobody(request, match.route, cookies)) await limiter.anonymous(request, reply);
  if (match === null) throw await whyNot(path, router, endpoints);
  const { auth, extension, label, notices } = match.route;
  for (const [name, value] of notices) reply.header(name, value);
  if (auth === 'none') {
    request.callContext = access.anonymous(request);
    return;
  }
  const context =
    auth === 'certificate'
      ? await access.certified(request)
      : await access.admit(request, label, (membership) => roles.may(extension, membership.roles, auth));
  const counted = limiter.principal(request, reply);
  if (counted !== undefined) await counted;
  request.callContext = context;
}

/** The mutual-TLS listener serves what is there for it, and has nothing else. */
function visible({ peer }: FastifyRequest, match: EndpointMatch | null): EndpointMatch | null {
  return peer === null || match?.route.auth === 'certificate' ? match : null;
}

function isNobody(request: FastifyRequest, { auth }: EndpointRoute, cookies: Cookies): boolean {
  if (auth === 'certificate') return request.peer === null;
  return auth === 'none' || credentialOf(request, cookies) === undefined;
}

/** What only the body can tell. */
async function look(
  request: FastifyRequest,
  { access, webhookSecrets, logs }: EndpointServices,
): Promise<void> {
  const route = request.endpoint?.route;
  if (route === undefined) return;
  const { extension, webhook, request: schema } = route;
  if (webhook !== null) {
    const isGood = await isSigned(request, extension, webhook, webhookSecrets).catch((error: unknown) => {
      if (codeOf(error) === 'E_WEBHOOK_SECRET')
        note(route, { logs }, `The secret ${webhook.secret} is not set.`);
      throw error;
    });
    if (!isGood)
      throw await access.refused(request, 'E_WEBHOOK_SIGNATURE', CODES.E_WEBHOOK_SIGNATURE.meaning);
  }
  if (schema !== null) requireBody(request, schema);
  if (!request.isMultipart()) return;
  request.body = await readForm(request);
  await access.requireOwnTenant(request);
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
  const guest = createGuestRequest(request, endpoint);
  let answer: Awaited<ReturnType<typeof callGuest>>;
  try {
    answer = await callGuest({ guest, endpoint, context: callContext }, services);
  } catch (error) {
    throw withoutDetail(error);
  }
  const { response, stream } = answer;
  const body = stream && streamBody(stream, { closing: services.closing, tell: withoutDetail });
  for (const name of sendGuestResponse(reply, response, body)) {
    note(endpoint.route, services, `The response header ${name} is not allowed and was left out.`);
  }
  return reply;
}

interface GuestCall {
  readonly guest: GuestRequest;
  readonly endpoint: EndpointMatch;
  readonly context: RequestContext;
}

async function callGuest(
  call: GuestCall,
  services: EndpointServices,
): Promise<{ response: GuestResponse; stream: GuestStream | null }> {
  const { guest, endpoint, context } = call;
  const { route } = endpoint;
  const { wrapRequest, transformResponse } = services.adapter.hooks();
  const path = wrapRequest.isUsed() || transformResponse.isUsed() ? canonicalPath(endpoint) : '';
  const options = { request: context, resource: { paths: path } };
  if (wrapRequest.isUsed()) {
    applyHookedRequest(guest, await wrapRequest.fire(toHookedRequest(guest, path), options));
  }
  const { value, stream } = await services.endpoints.invoke(route.extension, route.target, guest, context);
  try {
    const response = readOwnAnswer(value, route, services);
    if (!transformResponse.isUsed()) return { response, stream };
    const hooked = { ...response, request: { method: guest.method, path } };
    return { response: readAnswer(await transformResponse.fire(hooked, options), route, services), stream };
  } catch (error) {
    stream?.end(new MagError('E_EXTENSION', 'The answer it belongs to was no good.'));
    throw error;
  }
}

/** What an extension says has gone wrong in it counts as that, however well it says so. */
function readOwnAnswer(answer: Json, route: EndpointRoute, services: EndpointServices): GuestResponse {
  let isGood = false;
  try {
    const response = readAnswer(answer, route, services);
    isGood = response.status < 500;
    return response;
  } finally {
    if (!isGood) services.endpoints.answerFailed(route.extension);
  }
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
function note(route: EndpointRoute, { logs }: Pick<EndpointServices, 'logs'>, message: string): void {
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
