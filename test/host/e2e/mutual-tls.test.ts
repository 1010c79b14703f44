import { createHash, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Author } from '../../support/author.ts';
import { CertificateAuthority, type Identity } from '../../support/certificate-authority.ts';
import { TestHost } from '../../support/host.ts';
import { type MutualAnswer, MutualTlsFiles, oneConnection } from '../../support/mutual-tls.ts';
import { serving } from '../../support/sources.ts';

const INBOUND = { name: 'network.inbound', reason: 'Partners call it with certificates.' };
const MOUNT = '/x/acme/partners';
const [DAY, NOW] = [86_400_000, Date.now()];

let files: MutualTlsFiles;
let host: TestHost;
let author: Author;
let billing: Identity;
let revoked: Identity;

beforeAll(async () => {
  [files, author] = await Promise.all([MutualTlsFiles.create(), Author.create('acme')]);
  billing = files.clients.issue('billing', { uri: 'spiffe://example.com/billing' });
  revoked = files.clients.issue('shipping');
  await files.revoke(revoked);
  host = await TestHost.start(files.env);
  await host.trust(author);
  await host.run(
    await author.publish({
      manifest: serving(
        'partners',
        ['GET /who certificate', 'POST /orders certificate', 'GET /open none', 'GET /users'],
        { capabilities: [INBOUND] },
      ),
      code: `const who = async (request, ctx) => ({ body: {
          certificate: request.certificate ?? null, headers: Object.keys(request.headers), context: ctx.request,
        } });
        export default { endpoints: {
          'GET /who': who, 'GET /open': who, 'GET /users': who,
          'POST /orders': async (request) => ({ body: { taken: request.body } }),
        } };`,
    }),
  );
});
afterAll(async () => {
  await host?.[Symbol.asyncDispose]();
  await author?.[Symbol.asyncDispose]();
  await files?.[Symbol.asyncDispose]();
});

const ask = (
  path: string,
  who: Identity | null = billing,
  options?: Parameters<MutualTlsFiles['ask']>[2],
): Promise<MutualAnswer> => files.ask(`${host.mutualTlsUrl}${path}`, who, options);
const codeOf = ({ status, body }: MutualAnswer) => [status, body.code];
const fingerprintOf = ({ cert }: Identity) =>
  createHash('sha256').update(new X509Certificate(cert).raw).digest('hex');

describe('who has a good certificate', () => {
  it('is served, and the endpoint is told who it is by the connection alone', async () => {
    const headers = {
      authorization: `Bearer ${host.token}`,
      'x-forwarded-client-cert': 'By=evil',
      'client-cert': ':evil:',
    };
    const { status, body } = await ask(`${MOUNT}/who`, billing, { headers });
    expect(status).toBe(200);
    expect(body.certificate).toEqual({
      fingerprint: fingerprintOf(billing),
      subject: 'O=Tests, CN=billing',
      issuer: 'O=Tests, CN=Clients',
      serialNumber: billing.serial,
      validTo: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      altNames: 'URI:spiffe://example.com/billing',
    });
    expect(body.headers.filter((name: string) => /cert|auth/.test(name))).toEqual([]);
    expect(body.context).toMatchObject({
      tenantId: 't_system',
      principal: { id: `certificate:${fingerprintOf(billing)}`, name: 'billing', role: '' },
      membership: null,
    });
  });

  it('is told apart from another one', async () => {
    const other = files.clients.issue('billing');
    const { body } = await ask(`${MOUNT}/who`, other);
    expect(body.context.principal.id).toBe(`certificate:${fingerprintOf(other)}`);
    expect(fingerprintOf(other)).not.toBe(fingerprintOf(billing));
  });

  it('sends bodies, and names no tenant but that of callers without a token', async () => {
    const order = { method: 'POST', body: { tea: 1 } };
    expect((await ask(`${MOUNT}/orders`, billing, order)).body).toEqual({ taken: { tea: 1 } });
    const named = await ask(`${MOUNT}/who`, billing, { headers: { 'x-tenant-id': 't_acme' } });
    expect(codeOf(named)).toEqual([403, 'E_FORBIDDEN']);
    const inBody = await ask(`${MOUNT}/orders`, billing, { method: 'POST', body: { tenant_id: 't_acme' } });
    expect(codeOf(inBody)).toEqual([403, 'E_FORBIDDEN']);
    const malformed = await ask(`${MOUNT}/who`, billing, { headers: { 'x-tenant-id': 'acme' } });
    expect(codeOf(malformed)).toEqual([400, 'E_BAD_REQUEST']);
  });

  it.each([
    '/v1/host',
    '/v1/extensions',
    '/healthz',
    '/metrics',
    '/openapi.json',
    '/docs',
    '/console',
    '/ws',
    '/nothing',
  ])('finds nothing at %s, with the token of an owner too', async (path) => {
    const headers = { authorization: `Bearer ${host.token}` };
    expect(codeOf(await ask(path, billing, { headers }))).toEqual([404, 'E_NOT_FOUND']);
  });

  it.each(['/open', '/users', '/nothing'])('finds no endpoint of another kind: %s', async (path) => {
    const headers = { authorization: `Bearer ${host.token}` };
    expect(codeOf(await ask(MOUNT + path, billing, { headers }))).toEqual([404, 'E_NOT_FOUND']);
  });

  it('gets no websocket', async () => {
    const headers = { connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13' };
    const key = { 'sec-websocket-key': Buffer.alloc(16).toString('base64') };
    expect(codeOf(await ask('/ws', billing, { headers: { ...headers, ...key } }))).toEqual([
      404,
      'E_NOT_FOUND',
    ]);
  });

  it('is refused with a problem document when what it speaks is no HTTP', async () => {
    const { port } = new URL(host.mutualTlsUrl);
    const socket = connectTls({ port: Number(port), host: '127.0.0.1', ca: files.servers.cert, ...billing });
    socket.setEncoding('utf8').write('NONSENSE\r\n\r\n');
    let answer = '';
    for await (const chunk of socket) answer += chunk;
    expect(answer).toMatch(/^HTTP\/1.1 400 [\s\S]*"code":"E_BAD_REQUEST"/);
  });
});

describe('who has none is not answered', () => {
  const strangers: [string, () => Identity | null][] = [
    ['no certificate', () => null],
    ['one of another authority', () => new CertificateAuthority('Clients').issue('billing')],
    [
      'one that is over',
      () => files.clients.issue('old', { from: new Date(NOW - 2 * DAY), to: new Date(NOW - DAY) }),
    ],
    [
      'one that is not good yet',
      () => files.clients.issue('new', { from: new Date(NOW + DAY), to: new Date(NOW + 2 * DAY) }),
    ],
    ['one that was taken back', () => revoked],
  ];
  it.each(strangers)('%s', async (_what, who) => {
    await expect(ask(`${MOUNT}/who`, who())).rejects.toThrow(
      /alert|ECONNRESET|EPIPE|socket hang up|disconnected/,
    );
  });

  it('a client that speaks no TLS, or an old one', async () => {
    const { port } = new URL(host.mutualTlsUrl);
    const socket = connectTcp(Number(port), '127.0.0.1');
    socket
      .on('error', () => {})
      .setEncoding('latin1')
      .write('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
    let answer = '';
    for await (const chunk of socket) answer += chunk;
    expect(answer).not.toContain('HTTP');
    const old = connectTls({ port: Number(port), ca: files.servers.cert, ...billing, maxVersion: 'TLSv1.2' });
    await expect(once(old, 'secureConnect')).rejects.toThrow(/alert protocol version/);
  });
});

describe('the plain listener', () => {
  it('asks for the certificate, whatever token there is, and puts it on record', async () => {
    for (const token of [host.token, null]) {
      const answer = await host.ask('GET', `${MOUNT}/who`, { token });
      expect(codeOf(answer)).toEqual([401, 'E_AUTH_REQUIRED']);
      expect(answer.body.detail).toMatch(/client certificate .* mutual-TLS listener/);
    }
    const forged = { 'x-forwarded-client-cert': `Hash=${fingerprintOf(billing)}` };
    expect(codeOf(await host.ask('GET', `${MOUNT}/who`, { headers: forged }))[0]).toBe(401);
    const { records } = (await host.ask('GET', '/v1/audit?limit=50')).body;
    expect(records).toContainEqual(
      expect.objectContaining({
        principal: 'anonymous',
        action: 'auth.denied',
        target: `GET ${MOUNT}/who`,
        detail: expect.objectContaining({ code: 'E_AUTH_REQUIRED' }),
      }),
    );
  });

  it('serves the rest as ever, where nobody has a certificate', async () => {
    const { status, body } = await host.ask('GET', `${MOUNT}/open`, { token: null });
    expect([status, body.certificate, body.context.principal]).toEqual([200, null, null]);
  });

  it('describes it', async () => {
    const { paths, components } = (await host.ask('GET', '/openapi.json')).body;
    expect(paths[`${MOUNT}/who`].get.security).toEqual([{ certificate: [] }]);
    expect(components.securitySchemes.certificate).toEqual({ type: 'mutualTLS' });
    expect((await host.ask('GET', '/v1/host')).body.config).toMatchObject({
      mtlsPort: 0,
      mtlsKeyFile: files.path('key.pem'),
    });
  });
});

it('serves only while it may', async () => {
  const path = '/v1/extensions/acme/partners/grants/network.inbound';
  const agent = oneConnection();
  expect((await ask(`${MOUNT}/who`, billing, { agent })).status).toBe(200);
  await host.ask('DELETE', path);
  expect(codeOf(await ask(`${MOUNT}/who`, billing, { agent }))).toEqual([403, 'E_CAP_REVOKED']);
  await host.ask('PUT', path, { body: {} });
  expect((await ask(`${MOUNT}/who`, billing, { agent })).status).toBe(200);
  agent.destroy();
});

it('ends with the host: idle connections, and those that are not known yet', async () => {
  const own = await TestHost.start(files.env);
  const agent = oneConnection();
  const { port, origin } = new URL(own.mutualTlsUrl);
  expect((await files.ask(`${origin}/nothing`, billing, { agent })).status).toBe(404);
  const silent = connectTcp(Number(port), '127.0.0.1');
  await once(silent, 'connect');
  const hungUp = once(silent, 'close');
  await own.shutdown();
  await hungUp;
  await expect(files.ask(`${origin}/nothing`, billing)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  agent.destroy();
  await own[Symbol.asyncDispose]();
});
