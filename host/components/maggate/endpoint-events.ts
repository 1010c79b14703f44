import type { FastifyReply, FastifyRequest } from 'fastify';
import type { MaggateAdapter } from '../../../adapters/maggate/index.ts';
import { messageOf } from '../../../kernel/errors.ts';
import { eventContextOf } from '../../../kernel/events/event-context.ts';
import type { Logger } from '../../../kernel/ports.ts';
import type { JsonObject } from '../../../manifests/json.ts';
import { pathOf } from './path.ts';

/** Tells the bus about requests for endpoints. Nobody waits for it, and a failure is logged. */
export interface EndpointEvents {
  received(request: FastifyRequest): void;
  sent(request: FastifyRequest, reply: FastifyReply): void;
}

export function createEndpointEvents(
  adapter: Pick<MaggateAdapter, 'emitEvent' | 'isHeard'>,
  logger: Logger,
): EndpointEvents {
  function emit(type: string, request: FastifyRequest, more: () => JsonObject): void {
    if (!adapter.isHeard(type)) return;
    const { endpoint, callContext } = request;
    if (endpoint === null || callContext === null) return;
    const data = {
      extension: endpoint.route.extension,
      method: request.method,
      path: pathOf(request.url),
      ...more(),
    };
    const context = eventContextOf(callContext);
    adapter
      .emitEvent({ type, data, context })
      .catch((error: unknown) => logger.warn({ type, reason: messageOf(error) }, 'event not published'));
  }
  return {
    received: (request) => emit('api.request.received', request, () => ({})),
    sent: (request, reply) =>
      emit('api.response.sent', request, () => ({
        status: reply.statusCode,
        duration_ms: Math.round(reply.elapsedTime * 1_000) / 1_000,
      })),
  };
}
