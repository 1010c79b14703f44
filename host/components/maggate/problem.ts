import { STATUS_CODES } from 'node:http';
import type { FastifyBaseLogger, FastifyReply, FastifyRequest } from 'fastify';
import { MagError } from '../../../kernel/errors.ts';
import { CODES, type Code } from '../../../manifests/catalog/index.ts';

export const PROBLEM_TYPE = 'application/problem+json';

/** An error as it is answered (RFC 9457). Never carries a stack, path, SQL or secret. */
export interface Problem {
  /** `urn:magflock:error:<code>`. */
  readonly type: string;
  /** What the code means, the same every time. */
  readonly title: string;
  readonly status: number;
  readonly code: Code;
  readonly detail: string;
  readonly traceId: string;
}

export function problem(
  code: Code,
  traceId: string,
  options: { status?: number; detail?: string } = {},
): Problem {
  const { status, meaning } = CODES[code];
  return {
    type: `urn:magflock:error:${code}`,
    title: meaning,
    status: options.status ?? status,
    code,
    detail: options.detail ?? meaning,
    traceId,
  };
}

export function sendProblem(reply: FastifyReply, answer: Problem): FastifyReply {
  if (answer.status === 401) reply.header('www-authenticate', 'Bearer realm="magflock"');
  // Serialised here: a route that serialises in its own way must not get hold of it.
  return reply.code(answer.status).type(PROBLEM_TYPE).serializer(String).send(JSON.stringify(answer));
}

/** The one error handler: our errors as they are, mistakes of the client by name, the rest as `E_INTERNAL`. */
export function handleError(thrown: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const answer = problemOf(thrown, request.id);
  if (answer.status >= 500) logFault(request.log, thrown, answer);
  return sendProblem(reply, answer);
}

export function problemOf(thrown: unknown, traceId: string): Problem {
  if (thrown instanceof MagError) {
    return thrown.code === 'E_INTERNAL'
      ? problem('E_INTERNAL', traceId)
      : problem(thrown.code, traceId, { detail: thrown.message });
  }
  const status = clientFaultOf(thrown);
  if (status === undefined) return problem('E_INTERNAL', traceId);
  const detail = detailOf(thrown, status);
  return problem('E_BAD_REQUEST', traceId, { status, detail });
}

/** The 4xx status fastify and its plugins gave an error; their codes begin with `FST_`. */
function clientFaultOf(thrown: unknown): number | undefined {
  if (!(thrown instanceof Error) || !('statusCode' in thrown) || !('code' in thrown)) return undefined;
  const { statusCode, code } = thrown;
  if (typeof statusCode !== 'number' || statusCode < 400 || statusCode > 499) return undefined;
  return typeof code === 'string' && code.startsWith('FST_') ? statusCode : undefined;
}

/** Messages of fastify name what the client sent, and nothing of ours. */
function detailOf(thrown: unknown, status: number): string {
  const message = thrown instanceof Error ? thrown.message : '';
  return message.slice(0, 500) || (STATUS_CODES[status] ?? 'Malformed.');
}

/** A fault of the host goes to the log with all of it; what an extension did wrong is in its own log. */
function logFault(log: FastifyBaseLogger, thrown: unknown, answer: Problem): void {
  const fields = { err: thrown, code: answer.code, traceId: answer.traceId };
  if (HOST_FAULTS.has(answer.code)) log.error(fields, 'request failed');
  else log.debug(fields, 'request failed in an extension');
}

const HOST_FAULTS = new Set<Code>(['E_INTERNAL', 'E_STORAGE', 'E_CONFIG']);
