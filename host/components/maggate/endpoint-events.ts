import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ComponentAdapter } from '../../../kernel/adapter.ts';
import { messageOf } from '../../../kernel/errors.ts';
import type { Logger } from '../../../kernel/ports.ts';
import type { JsonObject } from '../../../manifests/json.ts';
import { pathOf } from './path.ts';

/** Tells the bus about requests for endpoints. Nobody waits for it, and a failure is logged. */
export interface EndpointEvents {
  received(request: FastifyRequest): void;
  sent(request: FastifyRequest, reply: FastifyReply): void;
}

export function createEndpointEvents(
  adapter: Pick<ComponentAdapter, 'emitEvent'>,
  logger: Logger,
): EndpointEvents {
  function emit(type: string, request: FastifyRequest, more: JsonObject): void {
    const { endpoint, callContext } = request;
    if (endpoint === null || callContext === null) return;
    const data = {
      extension: endpoint.route.extension,
      method: request.method,
      path: pathOf(request.url),
      ...more,
    };
    const context = {
      tenant_id: callContext.tenantId,
      user_id: callContext.principal?.id ?? null,
      trace_id: callContext.traceId,
    };
    adapter
      .emitEvent({ type, data, context })
      .catch((error: unknown) => logger.warn({ type, reason: messageOf(error) }, 'event not published'));
  }
  return {
    received: (request) => emit('api.request.received', request, {}),
    sent: (request, reply) =>
      emit('api.response.sent', request, {
        status: reply.statusCode,
        duration_ms: Math.round(reply.elapsedTime * 1_000) / 1_000,
      }),
  };
}
