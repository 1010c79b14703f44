import type { Server } from 'node:https';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import Fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyRequest,
  LogController,
} from 'fastify';
import { traceparentOf } from '../../../kernel/trace.ts';
import { isUpgrade } from '../magws/upgrades.ts';
import { createJsonParser } from './json-body.ts';
import { handleError, PROBLEM_TYPE, problem, problemOf, sendProblem } from './problem.ts';
import { traceIdFrom } from './trace.ts';
import { createValidatorCompiler } from './validation.ts';

/** Bodies of control routes; packages are read apart from this. */
const MAX_BODY_BYTES = 1_048_576;
/** How long the server waits for a client, in milliseconds. Who is slower is answered 408 and hung up on. */
export interface Patience {
  /** From the connection, or the request before, to the end of the headers. */
  readonly headersMs: number;
  /** To the end of the body. */
  readonly requestMs: number;
  /** How often is looked for those who are over it. */
  readonly checkMs: number;
}

/** A package may come over a slow line; headers have no reason to. */
export const PATIENCE: Patience = { headersMs: 15_000, requestMs: 300_000, checkMs: 5_000 };
const MAX_PARAM_CHARS = 2_000;

/** A fastify server whose every answer carries a trace and whose every error is a problem document. */
export function createServer(logger: FastifyBaseLogger, patience: Patience = PATIENCE): FastifyInstance {
  const app: FastifyInstance = Fastify({
    loggerInstance: logger,
    // The numbers are in /metrics; a line per request would cost more than the request. What is logged of one names
    // its trace itself.
    logController: new LogController({ disableRequestLogging: true }),
    childLoggerFactory: (parent) => parent,
    trustProxy: false,
    requestIdHeader: false,
    genReqId: (raw) => traceIdFrom(raw.headers.traceparent),
    bodyLimit: MAX_BODY_BYTES,
    requestTimeout: patience.requestMs,
    http: {
      headersTimeout: patience.headersMs,
      connectionsCheckingInterval: patience.checkMs,
      shouldUpgradeCallback: (request) => app.server.listenerCount('upgrade') > 0 && isUpgrade(request),
    },
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
  // A tunnel is none of what this server does; node would hang up without a word.
  app.server.on('connect', (_request, socket) => answerClientError(new Error('CONNECT'), socket));
  return app;
}

/** Serves the same routes over a second server, which hears of faults as the first one does. */
export function serveOver(app: FastifyInstance, server: Server): void {
  const { keepAliveTimeout, requestTimeout } = app.server;
  Object.assign(server, { keepAliveTimeout, requestTimeout });
  server.on('request', (request, response) => app.routing(request, response));
  // Who has no good certificate is told nothing: there is no word before the handshake is over.
  server.on('clientError', (error: Error, socket: TLSSocket) => {
    if (socket.authorized) answerClientError(error, socket);
    else socket.destroy();
  });
  server.on('connect', (_request, socket) => answerClientError(new Error('CONNECT'), socket));
}

/** An empty body is no body, whatever its type says. */
function acceptJson(app: FastifyInstance): void {
  const parseJson = createJsonParser(app);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    ['application/json', 'application/cloudevents+json'],
    { parseAs: 'string' },
    async (_request: FastifyRequest, body: string) => (body === '' ? undefined : parseJson(body)),
  );
}

/** What is no HTTP never reaches fastify: the answer is written by hand. */
function answerClientError(error: Error & { code?: string }, socket: Duplex): void {
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
