import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MagError } from '../../../../kernel/errors.ts';
import type { WebhookDeclaration } from '../../../../manifests/manifest/manifest.ts';
import { createTestGateway, type TestGateway } from '../../api/test-gateway.ts';

/** The example of GitHub's documentation, "Validating webhook deliveries". */
const GITHUB = {
  secret: "It's a Secret to Everybody",
  body: 'Hello, World!',
  signature: 'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17',
};

const DEFAULTS: WebhookDeclaration = {
  secret: 'HOOK',
  header: 'X-Hub-Signature-256',
  algorithm: 'sha256',
  encoding: 'hex',
  prefix: 'sha256=',
  scheme: 'body',
  toleranceSeconds: 300,
};

const secrets = new Map([
  ['HOOK', GITHUB.secret],
  ['EMPTY', ''],
]);

let gateway: TestGateway;
let without: TestGateway;
beforeAll(async () => {
  const secretFor = async (extension: string, name: string) => {
    if (name === 'BROKEN') throw new MagError('E_STORAGE', 'away');
    return extension === 'acme/hello' ? (secrets.get(name) ?? null) : null;
  };
  [gateway, without] = await Promise.all([
    createTestGateway({ webhookSecrets: { secretFor } }),
    createTestGateway(),
  ]);
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await without[Symbol.asyncDispose]();
});

/** Sends a body with headers to a webhook, and tells its answer and whether the extension saw it. */
async function deliver(
  headers: Record<string, string>,
  {
    body = GITHUB.body,
    on = gateway,
    ...declared
  }: { body?: string | Buffer; on?: TestGateway } & Partial<WebhookDeclaration> = {},
) {
  on.endpoints.serve('acme/hello', {
    method: 'POST',
    path: '/hook',
    auth: 'none',
    webhook: { ...DEFAULTS, ...declared },
  });
  const before = on.endpoints.calls.length;
  const answer = await on.inject(null, {
    method: 'POST',
    url: '/x/acme/hello/hook',
    payload: body,
    headers: { 'content-type': 'text/plain', ...headers },
  });
  const code = answer.statusCode === 200 ? null : answer.json().code;
  return { status: answer.statusCode, code, seen: on.endpoints.calls.length > before, text: answer.body };
}

const OK = { status: 200, code: null, seen: true };
const REFUSED = { status: 403, code: 'E_WEBHOOK_SIGNATURE', seen: false };
const hmac = (over: string | Buffer, algorithm = 'sha256', encoding: 'hex' | 'base64' = 'hex') =>
  createHmac(algorithm, GITHUB.secret).update(over).digest(encoding);

describe('a webhook that is signed', () => {
  it('reaches the extension when GitHub signed it', async () => {
    expect(await deliver({ 'x-hub-signature-256': GITHUB.signature })).toMatchObject(OK);
    expect(gateway.endpoints.lastCall.payload).toMatchObject({ body: GITHUB.body });
    const body = Buffer.from('{"a":  1,\r\n"b":"\u00e9"}');
    const headers = { 'content-type': 'application/json', 'x-hub-signature-256': `sha256=${hmac(body)}` };
    expect(await deliver(headers, { body })).toMatchObject(OK);
    expect(JSON.stringify(gateway.endpoints.lastCall)).not.toContain(GITHUB.secret);
  });

  it.each<[string, Record<string, string>]>([
    ['no signature', {}],
    ['an empty one', { 'x-hub-signature-256': '' }],
    ['the prefix alone', { 'x-hub-signature-256': 'sha256=' }],
    ['no prefix', { 'x-hub-signature-256': hmac(GITHUB.body) }],
    ['one digit changed', { 'x-hub-signature-256': GITHUB.signature.replace(/7$/, '8') }],
    ['a part of it', { 'x-hub-signature-256': GITHUB.signature.slice(0, -2) }],
    ['another header', { 'x-hub-signature': GITHUB.signature }],
    ['two at once', { 'x-hub-signature-256': `${GITHUB.signature}, ${GITHUB.signature}` }],
    ['another algorithm', { 'x-hub-signature-256': `sha256=${hmac(GITHUB.body, 'sha1')}` }],
  ])('is refused with %s, and the extension is not called', async (_what, headers) => {
    expect(await deliver(headers)).toMatchObject(REFUSED);
  });

  it('is refused when a byte of the body is another one', async () => {
    expect(
      await deliver({ 'x-hub-signature-256': GITHUB.signature }, { body: 'Hello, World?' }),
    ).toMatchObject(REFUSED);
  });

  it('is signed over nothing when it has no body', async () => {
    expect(await deliver({ 'x-hub-signature-256': `sha256=${hmac('')}` }, { body: '' })).toMatchObject(OK);
  });

  it('may be signed with other algorithms and encodings', async () => {
    const declared = { algorithm: 'sha512', encoding: 'base64', prefix: '', header: 'X-Signature' } as const;
    expect(await deliver({ 'x-signature': hmac(GITHUB.body, 'sha512', 'base64') }, declared)).toMatchObject(
      OK,
    );
    expect(await deliver({ 'x-signature': hmac(GITHUB.body, 'sha512') }, declared)).toMatchObject(REFUSED);
  });

  it('is no form', async () => {
    const headers = {
      'content-type': 'multipart/form-data; boundary=b',
      'x-hub-signature-256': `sha256=${hmac('')}`,
    };
    const answer = await deliver(headers, {
      body: '--b\r\ncontent-disposition: form-data; name="a"\r\n\r\nx\r\n--b--\r\n',
    });
    expect(answer).toMatchObject({ status: 415, code: 'E_BAD_REQUEST', seen: false });
  });

  it('is refused by name when its secret is not there, and the author is told', async () => {
    const missing = { status: 503, code: 'E_WEBHOOK_SECRET', seen: false };
    const headers = { 'x-hub-signature-256': GITHUB.signature };
    for (const secret of ['OTHER', 'EMPTY']) {
      const answer = await deliver(headers, { secret });
      expect(answer).toMatchObject(missing);
      expect(answer.text).not.toContain(secret);
    }
    expect(await deliver(headers, { on: without })).toMatchObject(missing);
    expect(await deliver(headers, { secret: 'BROKEN' })).toMatchObject({
      status: 503,
      code: 'E_STORAGE',
      seen: false,
    });
    await gateway.stores.logs.flush();
    const lines = await gateway.stores.logs.read('acme/hello', { limit: 10 });
    expect(lines.map(({ message }) => message)).toContain('The secret OTHER is not set.');
  });

  it('puts a refusal on record', async () => {
    await deliver({});
    expect(await gateway.actionsOnRecord('auth.denied')).toContainEqual(
      expect.objectContaining({
        principal: 'anonymous',
        target: 'POST /x/acme/hello/hook',
        outcome: 'refused',
      }),
    );
  });
});

describe('a webhook that is signed with its time', () => {
  const declared = { scheme: 'stripe', header: 'Stripe-Signature', prefix: '' } as const;
  const now = () => Math.floor(Date.now() / 1_000);
  const signed = (at: number, signedAt = at) => `t=${at},v1=${hmac(`${signedAt}.${GITHUB.body}`)}`;

  it('reaches the extension while it is fresh', async () => {
    expect(await deliver({ 'stripe-signature': signed(now()) }, declared)).toMatchObject(OK);
    expect(await deliver({ 'stripe-signature': signed(now() - 200) }, declared)).toMatchObject(OK);
    const rolling = `t=${now()}, v1=${'0'.repeat(64)}, v0=x, ${signed(now()).split(',')[1]}`;
    expect(await deliver({ 'stripe-signature': rolling }, declared)).toMatchObject(OK);
  });

  it.each<[string, () => string]>([
    ['too old', () => signed(now() - 400)],
    ['of the future', () => signed(now() + 400)],
    ['of another time than it says', () => signed(now(), now() - 10)],
    ['without a time', () => signed(now()).split(',')[1] ?? ''],
    ['without a signature', () => `t=${now()}`],
    ['of no number', () => signed(now()).replace('t=', 't=1e')],
  ])('is refused when it is %s', async (_what, header) => {
    expect(await deliver({ 'stripe-signature': header() }, declared)).toMatchObject(REFUSED);
  });
});
