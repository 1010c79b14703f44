import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import type { MaggateAdapter } from '../../../adapters/maggate/index.ts';
import { MagError } from '../../../kernel/errors.ts';
import type { EndpointHost } from '../../../kernel/operator.ts';
import { guardRoute } from '../../api/access.ts';
import { registerControlApi } from '../../api/control-api.ts';
import type { ControlServices } from '../../api/services.ts';
import { createAuthenticator } from '../magauth/authenticator.ts';
import { type AccessControl, createAccessControl } from './access-control.ts';
import { prepareDrain } from './connection-drain.ts';
import { createDenialLog, type DenialLog } from './denials.ts';
import { createEndpointRouter } from './endpoint-router.ts';
import { registerEndpointRoutes } from './endpoint-routes.ts';
import { createEventStreams, type EventStreams } from './event-stream.ts';
import { createMetrics, type Metrics, type RunningCell } from './metrics.ts';
import { registerOpenApi } from './openapi.ts';
import { createServer } from './server.ts';
import { traceparentOf } from './trace.ts';

export interface GatewayOptions extends Omit<ControlServices, 'streams' | 'metrics' | 'forgetTokens'> {
  readonly logger: FastifyBaseLogger;
  readonly endpoints: EndpointHost;
  /** Its hooks are registered before the first request is served. */
  readonly adapter: MaggateAdapter;
  /** Extensions that run on this host now, for the metrics. Default: none are shown. */
  readonly cells?: () => readonly RunningCell[];
  /** The tenant of requests without a token, for endpoints with `auth: none`. Default `t_system`. */
  readonly anonymousTenantId?: string;
}

/** The gateway: control API, endpoints of extensions, probes, description. It does not listen yet. */
export async function createGateway(options: GatewayOptions): Promise<FastifyInstance> {
  const { logger, endpoints, audit, adapter } = options;
  const app = createServer(logger);
  const streams = createEventStreams();
  const denials = createDenialLog(audit, logger);
  const authenticator = createAuthenticator(options.tokens);
  const anonymousTenantId = options.anonymousTenantId ?? 't_system';
  const access = createAccessControl({ authenticator, denials, anonymousTenantId });
  const metrics = createMetrics({ stores: options.stores, cells: options.cells ?? (() => []), logger });

  app.decorateRequest('caller', null);
  app.decorateRequest('callContext', null);
  app.decorateRequest('endpoint', null);
  app.decorateRequest('rawBody', null);
  addHooks(app, access, metrics, streams.signal);
  closeGracefully(app, streams, denials);

  await registerOpenApi(app, { version: options.hostInfo().version, endpoints });
  registerControlApi(app, { ...options, streams, metrics, forgetTokens: authenticator.forget });
  const router = createEndpointRouter(endpoints, logger);
  registerEndpointRoutes(app, { router, endpoints, access, adapter, logs: options.stores.logs, logger });
  await app.ready();
  return app;
}

function addHooks(app: FastifyInstance, access: AccessControl, metrics: Metrics, closing: AbortSignal): void {
  app.addHook('onRoute', guardRoute);
  app.addHook('onRequest', async (request, reply) => {
    reply.header('traceparent', traceparentOf(request.id));
    if (closing.aborted) throw new MagError('E_SHUTDOWN', 'The host is shutting down.');
    const decided = request.routeOptions.config?.access;
    if (decided !== undefined) await access.enter(request, decided);
  });
  app.addHook('onResponse', async (request, reply) => metrics.observe(request, reply));
}

/** Streams and waiting requests end first; then nothing is left that keeps the server open. */
function closeGracefully(app: FastifyInstance, streams: EventStreams, denials: DenialLog): void {
  const drain = prepareDrain(app.server);
  app.addHook('preClose', async () => {
    streams.close();
    drain();
  });
  app.addHook('onClose', () => denials.close());
}
