import type { FastifyInstance, FastifyRequest } from 'fastify';
import { createJsonParser } from './json-body.ts';

/** What fits into a call with the request around it. */
export const MAX_BODY_BYTES = 900_000;
/** With `auth: none` the guest gets the bytes in base64 as well, and both must fit. */
export const MAX_RAW_BODY_BYTES = 400_000;

/** JSON becomes a value, text and forms stay text; anything else is answered 415. */
export function addBodyParsers(scope: FastifyInstance): void {
  const parseJson = createJsonParser(scope);
  const asJson = (body: Buffer) => (body.length === 0 ? undefined : parseJson(body.toString('utf8')));
  const asText = (body: Buffer) => body.toString('utf8');
  scope.removeAllContentTypeParsers();
  add(scope, 'application/json', asJson);
  add(scope, /^application\/[a-z0-9.+-]+\+json(?:;|$)/, asJson);
  add(scope, 'application/x-www-form-urlencoded', asText);
  add(scope, /^text\//, asText);
}

function add(scope: FastifyInstance, type: string | RegExp, parse: (body: Buffer) => unknown): void {
  const options = { parseAs: 'buffer', bodyLimit: MAX_BODY_BYTES } as const;
  scope.addContentTypeParser(type, options, async (request: FastifyRequest, body: Buffer) => {
    keepRaw(request, body);
    return parse(body);
  });
}

function keepRaw(request: FastifyRequest, body: Buffer): void {
  if (request.endpoint?.route.auth !== 'none') return;
  if (body.length > MAX_RAW_BODY_BYTES) throw new RawBodyTooLarge();
  request.rawBody = body;
}

/** Answered like fastify's own for a body over the limit. */
class RawBodyTooLarge extends Error {
  readonly code = 'FST_ERR_CTP_BODY_TOO_LARGE';
  readonly statusCode = 413;

  constructor() {
    super(
      `The body is larger than ${MAX_RAW_BODY_BYTES} bytes, which an endpoint without authentication takes.`,
    );
  }
}
