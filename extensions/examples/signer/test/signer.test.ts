import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createRecordingContext } from '#sdk/testing';
import { hmacSha256, isSame } from '../src/hmac.ts';
import signer from '../src/index.ts';

const { endpoints } = signer;
const SECRET = 'known to both';
const document = '{"paid":"12 €"}';
const proofOf = (text: string) => createHmac('sha256', SECRET).update(text).digest('hex');

const context = () => createRecordingContext({ secrets: { SHARED_SECRET: SECRET }, keys: ['documents'] });
const request = (signature: string) => ({
  method: 'POST',
  path: '/sign',
  params: {},
  query: {},
  headers: { 'x-signature': signature },
  body: null,
  rawBody: Buffer.from(document).toString('base64'),
});

describe('the signer', () => {
  it('signs the body as it came, and counts it', async () => {
    const ctx = context();
    const answer = await endpoints['POST /sign'](request(proofOf(document)), ctx);
    const [, payload = ''] = String(answer.body).split('.');
    expect(Buffer.from(payload, 'base64url').toString()).toBe(document);
    expect(ctx.calls).toContainEqual({
      name: 'metrics.counter',
      args: ['documents', 'inc', 1, { outcome: 'signed' }],
    });
  });

  it.each(['', proofOf('another'), proofOf(document).toUpperCase(), `${proofOf(document)}0`])(
    'signs nothing for %j',
    async (signature) => {
      const ctx = context();
      expect((await endpoints['POST /sign'](request(signature), ctx)).status).toBe(401);
      expect(ctx.calls.map(({ name }) => name)).toEqual(['secrets.get', 'metrics.counter']);
    },
  );

  it('lets through that the secret or the key is missing', async () => {
    const none = createRecordingContext();
    const failure = { code: 'E_SECRET_MISSING' };
    await expect(endpoints['POST /sign'](request(''), none)).rejects.toMatchObject(failure);
    await expect(endpoints['GET /keys'](request(''), none)).rejects.toMatchObject({ code: 'E_KEY_UNKNOWN' });
  });

  it('shows its public keys', async () => {
    const { body } = await endpoints['GET /keys'](request(''), context());
    expect(body).toEqual({ keys: [expect.objectContaining({ use: 'sig', alg: 'EdDSA' })] });
  });
});

describe('the HMAC', () => {
  it.each(['', 'short', 'x'.repeat(64), 'longer than a block '.repeat(10)])(
    'is the standard one',
    async (key) => {
      const bytes = Buffer.from([0, 127, 128, 255, 65]);
      const expected = createHmac('sha256', key).update(bytes).digest('hex');
      expect(await hmacSha256(key, bytes.toString('latin1'))).toBe(expected);
    },
  );

  it('is compared as a whole', () => {
    expect([isSame('ab', 'ab'), isSame('ab', 'ac'), isSame('abab', 'ab'), isSame('', 'ab')]).toEqual([
      true,
      false,
      false,
      false,
    ]);
  });
});
