import { type Context, defineExtension, type EndpointRequest, type EndpointResponse } from '#sdk';
import { hmacSha256, isSame } from './hmac.ts';

const KEY = 'documents';

export default defineExtension({
  endpoints: {
    'POST /sign': sign,
    'GET /keys': listKeys,
  },
});

/** Signs the body as it came, for whoever knows the shared secret. */
async function sign(request: EndpointRequest, ctx: Context): Promise<EndpointResponse> {
  const document = atob(request.rawBody ?? '');
  // Asked for at each call: a secret that an operator replaces is the next that counts.
  const proof = await hmacSha256(await ctx.secrets.get('SHARED_SECRET'), document);
  const isKnown = isSame(request.headers['x-signature'] ?? '', proof);
  await ctx.metrics.counter('documents').inc(1, { outcome: isKnown ? 'signed' : 'refused' });
  if (!isKnown) return { status: 401, body: { error: 'x-signature is not the HMAC of the body' } };
  await ctx.metrics.histogram('size_bytes', { buckets: [100, 1_000, 10_000] }).observe(document.length);
  const jws = await ctx.keys.jws(KEY, textOf(document), { typ: 'document' });
  return { headers: { 'content-type': 'application/jose' }, body: jws };
}

/** A key set (RFC 7517) with the versions before the last rotation, for what was signed with them. */
async function listKeys(_request: EndpointRequest, ctx: Context): Promise<EndpointResponse> {
  const { jwk, previous } = await ctx.keys.publicKey(KEY);
  const keys = [jwk, ...previous.map((version) => version.jwk)];
  return { headers: { 'cache-control': 'max-age=300' }, body: { keys: keys.map((one) => ({ ...one })) } };
}

function textOf(binary: string): string {
  return new TextDecoder().decode(Uint8Array.from(binary, (byte) => byte.charCodeAt(0)));
}
