import type { FastifyRequest } from 'fastify';

/** Whether the client asked for server-sent events. */
export function wantsStream(request: FastifyRequest): boolean {
  return accepts(request, 'text/event-stream');
}

/** Whether the client named a media type among those it takes. */
export function accepts({ headers }: FastifyRequest, type: string): boolean {
  const named = (headers.accept ?? '').split(',').map((entry) => entry.split(';')[0]?.trim().toLowerCase());
  return named.includes(type);
}
