import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import type { Server } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { describePeer } from '../../../../host/components/maggate/client-certificate.ts';
import { loadConfig } from '../../../../host/config.ts';
import { listenMutually } from '../../../../host/listen.ts';
import { createMutualTls } from '../../../../host/mutual-tls.ts';
import type { Json } from '../../../../manifests/json.ts';
import { CertificateAuthority, type Identity } from '../../../support/certificate-authority.ts';
import { MutualTlsFiles, oneConnection } from '../../../support/mutual-tls.ts';
import { createTestGateway, type TestGateway } from '../../api/test-gateway.ts';

const RBAC = 'maggate.rbac_resolver';
const PATH = '/x/acme/hello/who';

let files: MutualTlsFiles;
beforeAll(async () => {
  files = await MutualTlsFiles.create();
});
afterAll(() => files[Symbol.asyncDispose]());

async function start(): Promise<{ gateway: TestGateway; url: string; mutualTls: Server }> {
  const config = loadConfig(files.env, files.folder);
  const mutualTls = createMutualTls(config);
  if (mutualTls === null) throw new Error('there is no listener');
  const rateLimits = { principal: 2, anonymous: 0, failures: 0 };
  const gateway = await createTestGateway({ mutualTls, rateLimits });
  gateway.endpoints.serve('acme/hello', { method: 'GET', path: '/who', auth: 'certificate' });
  const url = await listenMutually(mutualTls, config);
  expect(url).toBe(`https://127.0.0.1:${(mutualTls.address() as AddressInfo).port}`);
  return { gateway, url: `${url}${PATH}`, mutualTls };
}

describe('an endpoint for certificates', () => {
  let gateway: TestGateway;
  let url: string;
  let who: Identity;
  beforeAll(async () => {
    ({ gateway, url } = await start());
  });
  afterAll(() => gateway[Symbol.asyncDispose]());
  beforeEach(() => {
    who = files.clients.issue('billing');
    gateway.hooks.taps.clear();
    gateway.hooks.fired.length = 0;
  });
  afterEach(() => vi.useRealTimers());

  it('has the limits of a principal', async () => {
    const statuses = async (asking: Identity) => {
      const all: number[] = [];
      for (let n = 0; n < 3; n++) all.push((await files.ask(url, asking)).status);
      return all;
    };
    expect(await statuses(who)).toEqual([200, 200, 429]);
    expect(await statuses(files.clients.issue('billing'))).toEqual([200, 200, 429]); // somebody else
  });

  it('is guarded as others are, and a refusal names who was refused', async () => {
    gateway.hooks.taps.set(RBAC, () => {
      throw Object.assign(new Error('Not you.'), { name: 'NOT_YOU' });
    });
    const { status, body } = await files.ask(url, who);
    expect([status, body.code]).toEqual([403, 'NOT_YOU']);
    const principal = expect.stringMatching(/^certificate:[0-9a-f]{64}$/);
    expect(gateway.hooks.fired).toMatchObject([
      { hook: RBAC, value: { auth: 'certificate', principal: { id: principal, name: 'billing', role: '' } } },
    ]);
    expect(await gateway.actionsOnRecord('auth.denied')).toMatchObject([
      { principal, target: `GET ${PATH}`, detail: { code: 'E_VETO' } },
    ]);
  });

  it('is closed to a certificate that came to its end on the connection', async () => {
    const agent = oneConnection();
    expect((await files.ask(url, who, { agent })).status).toBe(200);
    vi.useFakeTimers({ toFake: ['Date'] });
    vi.setSystemTime(Date.now() + 2 * 86_400_000);
    const { status, body } = await files.ask(url, who, { agent });
    expect([status, body.code, body.detail]).toEqual([
      401,
      'E_AUTH_REQUIRED',
      expect.stringContaining('expired'),
    ]);
    agent.destroy();
  });
});

it('answers requests under way when the gateway stops, and no others', async () => {
  const { gateway, url, mutualTls } = await start();
  const slow = Promise.withResolvers<Json>();
  gateway.endpoints.answer = () => slow.promise;
  const agent = oneConnection();
  const underWay = files.ask(url, files.clients.issue('billing'), { agent });
  await expect.poll(() => gateway.endpoints.calls.length).toBe(1);
  const unused = connect(Number(new URL(url).port), '127.0.0.1');
  const hungUp = once(unused, 'close');
  await expect
    .poll(() => new Promise((resolve) => mutualTls.getConnections((_error, count) => resolve(count))))
    .toBe(2);
  const closing = gateway.app.close();
  await hungUp; // those that are not used have been looked for
  await expect
    .poll(() => files.ask(url, files.clients.issue('late')).catch(({ code }) => code))
    .toBe('ECONNREFUSED');
  slow.resolve({ body: 'done' });
  expect(await underWay).toEqual({ status: 200, body: 'done' });
  await closing;
  agent.destroy();
  await gateway[Symbol.asyncDispose]();
});

describe('what is told of a certificate', () => {
  const authority = new CertificateAuthority('Clients');
  const told = (name: string) => describePeer(new X509Certificate(authority.issue(name).cert));

  it.each([
    ['billing', 'billing', 'O=Tests, CN=billing'],
    ['a, CN=admin', 'a, CN=admin', 'O=Tests, CN=a\\, CN=admin'],
    ['a\nCN=admin', 'a\uFFFDCN=admin', 'O=Tests, CN=a\\0ACN=admin'],
    ['a\0b', 'a\uFFFDb', 'O=Tests, CN=a\\00b'],
    ['\u202Enimda', '\uFFFDnimda', 'O=Tests, CN=\uFFFDnimda'],
    ['', 'certificate', 'O=Tests, CN='],
  ])('%j is one line that nobody takes for another', (name, shown, subject) => {
    const peer = told(name);
    expect([peer.name, peer.certificate.subject]).toEqual([shown, subject]);
  });

  it('is bounded', () => {
    const { name, certificate } = told('é'.repeat(2_000));
    expect([name.length, certificate.subject.length]).toEqual([200, 1_000]);
    expect(certificate.altNames).toBe('DNS:localhost, IP Address:127.0.0.1');
  });
});
