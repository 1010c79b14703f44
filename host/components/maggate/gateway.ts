import type { Server } from 'node:https';
import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import type { MaggateAdapter } from '../../../adapters/maggate/index.ts';
import type { Denied } from '../../../kernel/capability/denials.ts';
import { MagError } from '../../../kernel/errors.ts';
import type { EndpointHost } from '../../../kernel/operator.ts';
import { traceparentOf } from '../../../kernel/trace.ts';
import type { ExtensionId } from '../../../manifests/manifest/manifest.ts';
import { guardRoute } from '../../api/access.ts';
import { registerControlApi } from '../../api/control-api.ts';
import { bareAnswers } from '../../api/schemas.ts';
import type { ControlServices } from '../../api/services.ts';
import type { MembershipResolver } from '../magauth/memberships.ts';
import type { Realtime } from '../magws/magws.ts';
import { type AccessControl, createAccessControl } from './access-control.ts';
import { after } from './after.ts';
import { createPeers, type Peers } from './client-certificate.ts';
import { prepareClose, prepareDrain } from './connection-drain.ts';
import { createDenialLog, type DenialLog } from './denials.ts';
import { createEndpointGuards } from './endpoint-guards.ts';
import { createEndpointRouter } from './endpoint-router.ts';
import { registerEndpointRoutes } from './endpoint-routes.ts';
import { createEndpointUsage } from './endpoint-usage.ts';
import { createEventStreams, type EventStreams } from './event-stream.ts';
import { createFaultEvents, type FaultEvents } from './fault-events.ts';
import { createMetrics, type Metrics, type RunningCell } from './metrics.ts';
import { registerOpenApi } from './openapi.ts';
import { createRateLimiter, type RateLimits } from './rate-limits.ts';
import { refuseAmbiguous } from './request-line.ts';
import { createServer, type Patience, serveOver } from './server.ts';
import { NO_WEBHOOK_SECRETS, type WebhookSecrets } from './webhook.ts';
import { createWebsocketDoor } from './websocket-door.ts';

export interface GatewayOptions
  extends Omit<ControlServices, 'streams' | 'metrics' | 'denials' | 'requests'> {
  readonly logger: FastifyBaseLogger;
  readonly endpoints: EndpointHost;
  /** Its hooks are registered before the first request is served. */
  readonly adapter: MaggateAdapter;
  /** Extensions that run on this host now, for the metrics. Default: none are shown. */
  readonly cells?: () => readonly RunningCell[];
  /** How many cells wait for an extension. Default: none. */
  readonly spareCells?: () => number;
  /** Says which tenants a principal may act in. Default: what MagAuth knows. */
  readonly memberships?: MembershipResolver;
  /** How often extensions were refused something, for the metrics. Default: none are shown. */
  readonly denied?: () => readonly Denied[];
  /** What these extensions count themselves, in the text format of Prometheus. Default: nothing. */
  readonly customMetrics?: (extensions: readonly ExtensionId[]) => Promise<string>;
  /** What signed webhooks are verified with. Default: none are there, and every such webhook is refused. */
  readonly webhookSecrets?: WebhookSecrets;
  /** The tenant of requests without a token, for endpoints with `auth: none`. Default `t_system`. */
  readonly anonymousTenantId?: string;
  /** What takes connections at `/ws`. Default: nothing does. */
  readonly realtime?: Pick<Realtime, 'attach' | 'counts' | 'recheck' | 'close'>;
  readonly rateLimits: RateLimits;
  /** Serves the endpoints with `auth: certificate`; it demands the certificates. Default: there is no such listener. */
  readonly mutualTls?: Server;
  /** Default: `PATIENCE`. */
  readonly patience?: Patience;
}

/** The gateway: control API, endpoints of extensions, probes, description. It does not listen yet. */
export async function createGateway(options: GatewayOptions): Promise<FastifyInstance> {
  const { logger, endpoints, audit, adapter } = options;
  const app = createServer(logger, options.patience);
  const streams = createEventStreams();
  const { authenticator, cookies, roles, hooks } = options.auth;
  const denials = createDenialLog(audit, logger, options.auth.emit);
  const anonymousTenantId = options.anonymousTenantId ?? 't_system';
  const memberships = options.memberships ?? options.auth.memberships;
  const limiter = await createRateLimiter(app, options.rateLimits);
  const deps = { authenticator, memberships, denials, limiter, cookies, anonymousTenantId };
  const access = createAccessControl(deps);
  const usage = createEndpointUsage(adapter);
  const metrics = createMetrics({
    stores: options.stores,
    subscriptions: () => options.operator.subscriptions(),
    cells: options.cells ?? (() => []),
    spareCells: options.spareCells ?? (() => 0),
    jobs: options.jobs,
    denied: options.denied ?? (() => []),
    realtime: () => options.realtime?.counts() ?? null,
    custom: options.customMetrics ?? (async () => ''),
    logger,
  });

  app.decorateRequest('peer', null);
  app.decorateRequest('caller', null);
  app.decorateRequest('callContext', null);
  app.decorateRequest('endpoint', null);
  app.decorateRequest('rawBody', null);
  app.decorateRequest('fault', null);
  app.decorateRequest('routeConfig', null);
  const { mutualTls } = options;
  const peers = createPeers(mutualTls);
  if (mutualTls !== undefined) serveOver(app, mutualTls);
  const faults = createFaultEvents(adapter, logger);
  addHooks(app, { access, metrics, faults, peers, closing: streams.signal });
  closeGracefully(app, { streams, denials, realtime: options.realtime, mutualTls });

  const served = adapter.hooks();
  await registerOpenApi(app, { version: options.hostInfo().version, served });
  registerControlApi(app, { ...options, streams, metrics, denials, requests: usage.of });
  const router = createEndpointRouter(served, logger);
  const guards = createEndpointGuards(adapter, hooks.permissionResolver, denials);
  const { logs } = options.stores;
  const closing = streams.signal;
  const { webhookSecrets = NO_WEBHOOK_SECRETS } = options;
  const parts = { router, endpoints, access, adapter, limiter, roles, cookies, guards, usage, logs, logger };
  registerEndpointRoutes(app, { ...parts, closing, webhookSecrets });
  const summary =
    'Channels of extensions, with the WebSocket protocol; the token may be in the first message';
  const response = bareAnswers(101, 'The connection speaks the WebSocket protocol now.');
  app.get('/ws', { schema: { tags: ['realtime'], summary, security: [], response } }, () => {
    throw new MagError('E_UPGRADE', 'Connect with the WebSocket protocol.');
  });
  authenticator.onForget(() => options.realtime?.recheck());
  options.auth.memberships.onForget(() => options.realtime?.recheck());
  options.realtime?.attach(app.server, createWebsocketDoor(deps));
  await app.ready();
  return app;
}

interface HookParts {
  readonly access: AccessControl;
  readonly metrics: Metrics;
  readonly faults: FaultEvents;
  readonly peers: Peers;
  readonly closing: AbortSignal;
}

function addHooks(app: FastifyInstance, { access, metrics, faults, peers, closing }: HookParts): void {
  app.addHook('onRoute', guardRoute);
  // No hook is a promise unless it has something to wait for: every request passes here.
  app.addHook('onRequest', (request, reply, done) => {
    reply.header('traceparent', traceparentOf(request.id));
    refuseAmbiguous(request.raw);
    // Node reads nothing behind an upgrade that nobody takes.
    if (request.headers.upgrade !== undefined) reply.header('connection', 'close');
    if (closing.aborted) throw new MagError('E_SHUTDOWN', 'The host is shutting down.');
    request.routeConfig = request.routeOptions.config;
    const decided = request.routeConfig.access;
    request.peer = peers.of(request.raw);
    // Who has a certificate is known to extensions, and to nothing of the host's own.
    if (request.peer !== null && decided?.kind !== 'endpoint')
      throw new MagError('E_NOT_FOUND', 'No such route.');
    after(decided === undefined ? undefined : access.enter(request, decided), done);
  });
  app.addHook('preValidation', (request, _reply, done) => after(access.requireOwnTenant(request), done));
  app.addHook('onResponse', (request, reply, done) => {
    metrics.observe(request, reply);
    faults.answered(request, reply);
    done();
  });
}

interface ClosingParts {
  readonly streams: EventStreams;
  readonly denials: DenialLog;
  readonly realtime: Pick<Realtime, 'close'> | undefined;
  readonly mutualTls: Server | undefined;
}

/** Streams and waiting requests end first; then nothing is left that keeps the servers open. */
function closeGracefully(
  app: FastifyInstance,
  { streams, denials, realtime, mutualTls }: ClosingParts,
): void {
  const drain = prepareDrain(app.server);
  const closeMutualTls = mutualTls && prepareClose(mutualTls);
  app.addHook('preClose', async () => {
    streams.close();
    drain();
    await Promise.all([closeMutualTls?.(), realtime?.close()]);
  });
  app.addHook('onClose', () => denials.close());
}
