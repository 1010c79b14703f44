import { STATUS_CODES } from 'node:http';
import type { FastifyBaseLogger, FastifyReply, FastifyRequest } from 'fastify';
import { MagError } from '../../../kernel/errors.ts';
import { CODES, type Code, type HookName } from '../../../manifests/catalog/index.ts';
import { RateLimited } from './rate-limits.ts';

export const PROBLEM_TYPE = 'application/problem+json';

/** An error as it is answered (RFC 9457). Never carries a stack, path, SQL or secret. */
export interface Problem {
  /** `urn:magflock:error:<code>`. */
  readonly type: string;
  /** What the code means, the same every time. */
  readonly title: string;
  readonly status: number;
  /** One of ours, or what an extension that was against it gave as its reason. */
  readonly code: string;
  readonly detail: string;
  readonly traceId: string;
  /** Who was against it, and where it was asked. */
  readonly veto?: { readonly extension: string; readonly hook: string };
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
  const answer = hasGone(thrown, request) ? goneProblem(request.id) : problemOf(thrown, request.id);
  request.fault = answer;
  if (answer.status === 429) reply.header('retry-after', retryAfterOf(thrown));
  if (answer.status >= 500) logFault(request.log, thrown, answer);
  return sendProblem(reply, answer);
}

/** The client hung up in the middle of its body: no fault of ours, and nobody reads the answer. */
function hasGone(thrown: unknown, { raw }: FastifyRequest): boolean {
  return raw.destroyed && thrown instanceof Error && 'code' in thrown && thrown.code === 'ECONNRESET';
}

function goneProblem(traceId: string): Problem {
  return problem('E_BAD_REQUEST', traceId, { detail: 'The request ended in the middle.' });
}

export function problemOf(thrown: unknown, traceId: string): Problem {
  if (thrown instanceof MagError) {
    if (thrown.code === 'E_VETO') return vetoProblem(thrown, traceId);
    return thrown.code === 'E_INTERNAL'
      ? problem('E_INTERNAL', traceId)
      : problem(thrown.code, traceId, { detail: thrown.message });
  }
  const status = clientFaultOf(thrown);
  if (status === undefined) return problem('E_INTERNAL', traceId);
  const detail = detailOf(thrown, status);
  return problem('E_BAD_REQUEST', traceId, { status, detail });
}

const RATE_LIMIT_HOOK: HookName = 'maggate.rate_limit_strategy';
/** What clients are told when an extension limits them: it says no, and not until when. */
const VETO_RETRY_SECONDS = 10;

function retryAfterOf(thrown: unknown): number {
  return thrown instanceof RateLimited ? thrown.retryAfterSeconds : VETO_RETRY_SECONDS;
}

/** The reason an extension gave is shown in its own words. */
function vetoProblem({ code, message, blame }: MagError, traceId: string): Problem {
  const { extension = '', hook = '' } = blame;
  const status = hook === RATE_LIMIT_HOOK ? 429 : CODES[code].status;
  const answer = { ...problem(code, traceId, { status, detail: message }), veto: { extension, hook } };
  return blame.code === undefined ? answer : { ...answer, code: blame.code };
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

const HOST_FAULTS: ReadonlySet<string> = new Set<Code>(['E_INTERNAL', 'E_STORAGE', 'E_CONFIG']);
