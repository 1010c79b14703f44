import type { FastifyInstance, FastifyRequest } from 'fastify';
import { BodyFault } from './body-fault.ts';
import { MAX_BINARY_BYTES } from './form-body.ts';
import { createJsonParser } from './json-body.ts';

/** What fits into a call with the request around it. */
export const MAX_BODY_BYTES = 900_000;
/** With `auth: none` the guest gets the bytes in base64 as well, and both must fit. */
export const MAX_RAW_BODY_BYTES = 400_000;

/** Bytes that are handed on as they are. */
const BINARY = /^(?:application\/octet-stream|(?:image|audio|video|font)\/[a-z0-9.+-]+)(?:;|$)/;

/**
 * JSON becomes a value, text and forms in a line stay text, bytes are handed on in `rawBody` alone; anything else but
 * `multipart/form-data` (`form-body.ts`) is answered 415.
 */
export function addBodyParsers(scope: FastifyInstance): void {
  const parseJson = createJsonParser(scope);
  const asJson = (body: Buffer) => (body.length === 0 ? undefined : parseJson(body.toString('utf8')));
  const asText = (body: Buffer) => body.toString('utf8');
  scope.removeAllContentTypeParsers();
  add(scope, 'application/json', asJson);
  add(scope, /^application\/[a-z0-9.+-]+\+json(?:;|$)/, asJson);
  add(scope, 'application/x-www-form-urlencoded', asText);
  add(scope, /^text\//, asText);
  scope.addContentTypeParser(BINARY, { parseAs: 'buffer' }, async (request: FastifyRequest, body: Buffer) => {
    if (body.length > MAX_BINARY_BYTES)
      throw BodyFault.tooLarge(`A body of bytes is at most ${MAX_BINARY_BYTES} bytes.`);
    request.rawBody = body;
    return null;
  });
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
  if (body.length > MAX_RAW_BODY_BYTES) {
    const limit = `${MAX_RAW_BODY_BYTES} bytes, which an endpoint without authentication takes`;
    throw BodyFault.tooLarge(`The body is larger than ${limit}.`);
  }
  request.rawBody = body;
}
