import type { IncomingHttpHeaders } from 'node:http';
import type { FastifyRequest } from 'fastify';
import { MagError } from '../../../kernel/errors.ts';
import type { Json, JsonObject } from '../../../manifests/json.ts';
import type { ShownCertificate } from './client-certificate.ts';
import type { EndpointMatch } from './endpoint-router.ts';

/** What the hook schemas allow. */
const MAX_HEADERS = 200;

/** Credentials, and what only concerns the connection to the client or a proxy before us. */
const WITHHELD = new Set([
  'authorization',
  'cookie',
  'proxy-authorization',
  'proxy-authenticate',
  'proxy-connection',
  'sec-websocket-protocol',
  'connection',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'expect',
  'forwarded',
  'x-real-ip',
  // RFC 9440: what a proxy would say of a certificate
  'client-cert',
  'client-cert-chain',
]);

declare module 'fastify' {
  interface FastifyRequest {
    /** The bytes of the body, kept only for endpoints that verify signatures themselves. */
    rawBody: Buffer | null;
  }
}

/** A request as the guest receives it. `headers`, `query` and `body` may be changed by a hook before. */
export interface GuestRequest extends JsonObject {
  method: string;
  path: string;
  params: JsonObject;
  query: JsonObject;
  headers: JsonObject;
  body: Json;
  rawBody?: string;
  certificate?: ShownCertificate;
}

/** @throws `E_BAD_REQUEST` on too many headers */
export function createGuestRequest(request: FastifyRequest, match: EndpointMatch): GuestRequest {
  const guest: GuestRequest = {
    method: request.method,
    path: match.path.slice(match.route.mount.length) || '/',
    params: match.params as JsonObject,
    query: request.query as JsonObject,
    headers: visibleHeaders(request.headers),
    body: (request.body as Json | undefined) ?? null,
  };
  if (request.rawBody !== null) guest.rawBody = request.rawBody.toString('base64');
  if (request.peer !== null) guest.certificate = request.peer.certificate;
  return guest;
}

function visibleHeaders(headers: IncomingHttpHeaders): JsonObject {
  // No header has an object for its value, so even one named `__proto__` does no more than get lost; an object without a
  // prototype takes V8 twice as long to write as JSON.
  const visible: JsonObject = {};
  let count = 0;
  for (const name in headers) {
    if (WITHHELD.has(name) || name.startsWith('x-forwarded-')) continue;
    const value = headers[name];
    if (value === undefined) continue;
    if (++count > MAX_HEADERS) throw new MagError('E_BAD_REQUEST', `More than ${MAX_HEADERS} headers.`);
    visible[name] = typeof value === 'string' ? value : value.join(', ');
  }
  return visible;
}

/** The value of `maggate.wrap_request`: the request with its full path, without what only the guest needs. */
export function toHookedRequest(guest: GuestRequest, path: string): JsonObject {
  const { method, query, headers, body } = guest;
  return { method, path, query, headers, body };
}

/**
 * Takes over what the taps changed. Method and path stay: they decided which endpoint answers and who may
 * call it.
 */
export function applyHookedRequest(guest: GuestRequest, hooked: Json): void {
  if (hooked === null || typeof hooked !== 'object' || Array.isArray(hooked)) return;
  if (isObject(hooked.query)) guest.query = textsOf(hooked.query, (name) => name);
  if (isObject(hooked.headers)) guest.headers = textsOf(hooked.headers, (name) => name.toLowerCase());
  if (hooked.body !== undefined) guest.body = hooked.body;
}

function isObject(value: Json | undefined): value is JsonObject {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

/** Only texts and lists of texts, as they come from a client too. */
function textsOf(source: JsonObject, rename: (name: string) => string): JsonObject {
  const texts: JsonObject = Object.create(null);
  for (const [name, value] of Object.entries(source)) {
    const isText = typeof value === 'string';
    if (isText || (Array.isArray(value) && value.every((entry) => typeof entry === 'string'))) {
      texts[rename(name)] = value;
    }
  }
  return texts;
}
