import type { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import { MagError } from '../../../kernel/errors.ts';
import type { Json, JsonObject } from '../../../manifests/json.ts';
import { filterResponseHeaders } from './response-headers.ts';

/** What an endpoint answered, checked as far as its shape. Headers are filtered when it is sent. */
export interface GuestResponse extends JsonObject {
  status: number;
  headers: JsonObject;
  body: Json;
}

/** @throws `E_EXTENSION` when the answer is not `{ status?, headers?, body? }` */
export function readGuestResponse(answer: Json): GuestResponse {
  if (!isObject(answer)) throw malformed('is no object');
  const status = answer.status ?? 200;
  if (typeof status !== 'number' || !Number.isInteger(status) || status < 200 || status > 599) {
    throw malformed('has a status outside of 200 to 599');
  }
  const headers = answer.headers ?? {};
  if (!isObject(headers)) throw malformed('has headers that are no object');
  return { status, headers, body: answer.body ?? null };
}

function malformed(how: string): MagError {
  return new MagError('E_EXTENSION', `The answer of the endpoint ${how}.`);
}

function isObject(value: Json | undefined): value is JsonObject {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

/**
 * Sends it: a stream as it comes, a string as text, everything else as JSON, nothing for `null`. Whatever it says, a
 * browser is told not to guess its type and not to run it in our origin. Returns the names of headers it left out.
 */
export function sendGuestResponse(
  reply: FastifyReply,
  { status, headers, body }: GuestResponse,
  stream: Readable | null = null,
) {
  const filtered = filterResponseHeaders(headers);
  reply.code(status);
  for (const [name, value] of filtered.headers) reply.header(name, value);
  reply.header('x-content-type-options', 'nosniff');
  reply.header('content-security-policy', "default-src 'none'; sandbox");
  const isBare = status === 204 || status === 205 || status === 304;
  if (stream !== null && !isBare && reply.request.method !== 'HEAD') {
    if (!filtered.headers.has('content-type')) reply.type('text/plain; charset=utf-8');
    reply.header('x-accel-buffering', 'no').send(stream);
    return filtered.refused;
  }
  stream?.destroy();
  if (body === null || isBare) {
    reply.send();
  } else if (typeof body === 'string') {
    if (!filtered.headers.has('content-type')) reply.type('text/plain; charset=utf-8');
    reply.send(body);
  } else {
    const type = filtered.headers.get('content-type');
    if (type === undefined || !JSON_TYPE.test(type)) reply.type('application/json; charset=utf-8');
    reply.send(JSON.stringify(body));
  }
  return filtered.refused;
}

const JSON_TYPE = /^application\/(?:[a-z0-9.+-]+\+)?json\s*(?:;|$)/i;
