import type { Socket } from 'node:net';
import Fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyRequest,
  LogController,
} from 'fastify';
import { createJsonParser } from './json-body.ts';
import { handleError, PROBLEM_TYPE, problem, problemOf, sendProblem } from './problem.ts';
import { traceIdFrom, traceparentOf } from './trace.ts';
import { createValidatorCompiler } from './validation.ts';

/** Bodies of control routes; packages are read apart from this. */
const MAX_BODY_BYTES = 1_048_576;
/** To receive a whole request: a package over a slow line. */
const REQUEST_TIMEOUT_MS = 300_000;
const MAX_PARAM_CHARS = 2_000;

/** A fastify server whose every answer carries a trace and whose every error is a problem document. */
export function createServer(logger: FastifyBaseLogger): FastifyInstance {
  const app: FastifyInstance = Fastify({
    loggerInstance: logger,
    // The numbers are in /metrics; a line per request would cost more than the request.
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'traceId' }),
    trustProxy: false,
    requestIdHeader: false,
    genReqId: (raw) => traceIdFrom(raw.headers.traceparent),
    bodyLimit: MAX_BODY_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    return503OnClosing: false,
    routerOptions: { maxParamLength: MAX_PARAM_CHARS },
    frameworkErrors: (error, request, reply) => {
      reply.header('traceparent', traceparentOf(request.id));
      sendProblem(reply, problemOf(error, request.id));
    },
    clientErrorHandler: answerClientError,
  });
  app.setValidatorCompiler(createValidatorCompiler());
  // Response schemas describe; they must not leave members out.
  app.setSerializerCompiler(() => (value) => JSON.stringify(value));
  app.setErrorHandler(handleError);
  app.setNotFoundHandler((request, reply) =>
    sendProblem(reply, problem('E_NOT_FOUND', request.id, { detail: 'No such route.' })),
  );
  acceptJson(app);
  return app;
}

/** An empty body is no body, whatever its type says. */
function acceptJson(app: FastifyInstance): void {
  const parseJson = createJsonParser(app);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'string' },
    async (_request: FastifyRequest, body: string) => (body === '' ? undefined : parseJson(body)),
  );
}

/** What is no HTTP never reaches fastify: the answer is written by hand. */
function answerClientError(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const traceId = traceIdFrom(undefined);
  const status =
    error.code === 'HPE_HEADER_OVERFLOW' ? 431 : error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400;
  const answer = problem('E_BAD_REQUEST', traceId, { status, detail: 'The request is not valid HTTP.' });
  const body = JSON.stringify(answer);
  socket.end(
    [
      `HTTP/1.1 ${status} ${STATUS_TEXT[status]}`,
      `content-type: ${PROBLEM_TYPE}`,
      `content-length: ${Buffer.byteLength(body)}`,
      `traceparent: ${traceparentOf(traceId)}`,
      'connection: close',
      '',
      body,
    ].join('\r\n'),
  );
}

const STATUS_TEXT: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  408: 'Request Timeout',
  431: 'Request Header Fields Too Large',
};
