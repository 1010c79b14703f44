import type { FastifyRequest } from 'fastify';

/** Whether the client asked for server-sent events. */
export function wantsStream(request: FastifyRequest): boolean {
  return /(?:^|[\s,])text\/event-stream\s*(?:[;,]|$)/i.test(request.headers.accept ?? '');
}
