import type { FastifyReply, FastifyRequest } from 'fastify';
import type { MaggateAdapter } from '../../../adapters/maggate/index.ts';
import type { JsonObject } from '../../../manifests/json.ts';
import type { ExtensionId } from '../../../manifests/manifest/manifest.ts';
import type { RequestContext } from '../../../manifests/protocol/frames.ts';
import { canonicalPath } from './endpoint-path.ts';
import type { EndpointMatch } from './endpoint-router.ts';

/** Answers of one endpoint since the host started, by the class of their status: `{ '2xx': 7 }`. */
export interface EndpointCount {
  /** `POST /x/acme/hello/greet/:name` */
  readonly endpoint: string;
  readonly answers: Readonly<Record<string, number>>;
}

/** Who uses the endpoints of extensions: numbers for operators, and reports for extensions that ask for them. */
export interface EndpointUsageLog {
  /** Nobody waits for what becomes of it. */
  answered(request: FastifyRequest, reply: FastifyReply): void;
  of(id: ExtensionId): EndpointCount[];
}

export function createEndpointUsage(adapter: MaggateAdapter): EndpointUsageLog {
  const counts = new Map<ExtensionId, Map<string, Record<string, number>>>();

  function count(id: ExtensionId, label: string, status: number): void {
    const labels = counts.get(id) ?? new Map<string, Record<string, number>>();
    const answers = labels.get(label) ?? {};
    const kind = `${Math.trunc(status / 100)}xx`;
    answers[kind] = (answers[kind] ?? 0) + 1;
    labels.set(label, answers);
    counts.set(id, labels);
  }

  return {
    answered(request, reply) {
      const { endpoint, callContext } = request;
      if (endpoint === null) return;
      count(endpoint.route.extension, endpoint.route.label, reply.statusCode);
      // Who did not get past authentication and the limits is no use, and a flood of them no flood of calls.
      const { usageAnalyticsEmitter } = adapter.hooks();
      if (callContext === null || !usageAnalyticsEmitter.isUsed()) return;
      const options = { request: callContext, resource: { paths: canonicalPath(endpoint) } };
      usageAnalyticsEmitter.tell(reportOf(endpoint, callContext, request, reply), options);
    },
    of: (id) =>
      [...(counts.get(id) ?? [])].map(([endpoint, answers]) => ({ endpoint, answers: { ...answers } })),
  };
}

function reportOf(
  { route }: EndpointMatch,
  context: RequestContext,
  request: FastifyRequest,
  reply: FastifyReply,
): JsonObject {
  const { extension, version, path } = route;
  return {
    extension,
    version,
    method: request.method,
    route: path,
    status: reply.statusCode,
    durationMs: Math.round(reply.elapsedTime * 1_000) / 1_000,
    requestBytes: receivedBytes(request),
    responseBytes: sentBytes(request, reply),
    principal: context.principal?.id ?? null,
    tenantId: context.tenantId,
    traceId: context.traceId,
    at: new Date().toISOString(),
  };
}

/** As the client announced it: node reads no more and no less. Nobody counts what comes in chunks. */
function receivedBytes({ headers }: FastifyRequest): number | null {
  if (headers['transfer-encoding'] !== undefined) return null;
  return Number(headers['content-length'] ?? 0);
}

function sentBytes({ method }: FastifyRequest, reply: FastifyReply): number | null {
  if (method === 'HEAD') return 0;
  const length = reply.getHeader('content-length');
  if (length !== undefined) return Number(length);
  return reply.getHeader('transfer-encoding') === undefined ? 0 : null;
}
