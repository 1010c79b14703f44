import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createTestGateway, type TestGateway } from '../../api/test-gateway.ts';

const LIMITS = { principal: 4, anonymous: 3, failures: 2 };
let gateway: TestGateway;
beforeAll(async () => {
  gateway = await createTestGateway({ rateLimits: LIMITS });
});
afterAll(() => gateway[Symbol.asyncDispose]());

/** Of each test its own: what one counts is nothing to the others. */
let address: string;
let tests = 0;
beforeEach(() => {
  tests += 1;
  address = `203.0.113.${tests}`;
  gateway.endpoints.calls.length = 0;
  gateway.hooks.published.length = 0;
  gateway.endpoints.answer = () => ({ body: 'hi' });
  gateway.endpoints.serve(
    'acme/hello',
    { method: 'GET', path: '/mine', auth: 'user' },
    { method: 'GET', path: '/open', auth: 'none' },
  );
});
afterEach(() => vi.useRealTimers());

const url = '/x/acme/hello/mine';
const open = (remoteAddress = address, headers = {}) =>
  gateway.inject(null, { url: '/x/acme/hello/open', remoteAddress, headers });
const guess = (n: number, path = url, remoteAddress = address) =>
  gateway.inject(null, {
    url: path,
    remoteAddress,
    headers: { authorization: `Bearer mag_${String(n).padStart(16, '0')}_${'0'.repeat(64)}` },
  });
async function statuses(
  times: number,
  ask: (n: number) => Promise<{ statusCode: number }>,
): Promise<number[]> {
  const all: number[] = [];
  for (let n = 0; n < times; n++) all.push((await ask(n)).statusCode);
  return all;
}

describe('the limits of the gateway', () => {
  it('count by principal, and say what is left', async () => {
    const first = await gateway.inject('user', { url });
    expect(first.headers).toMatchObject({
      'ratelimit-limit': '4',
      'ratelimit-remaining': '3',
      'ratelimit-reset': '60',
    });
    expect(await statuses(4, () => gateway.inject('user', { url }))).toEqual([200, 200, 200, 429]);
    const refused = await gateway.inject('user', { url });
    expect(refused.json()).toMatchObject({ code: 'E_RATE_LIMITED', status: 429 });
    expect(refused.headers).toMatchObject({ 'ratelimit-remaining': '0' });
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    expect(gateway.endpoints.calls).toHaveLength(4);
    expect((await gateway.inject('owner', { url })).statusCode).toBe(200); // somebody else
  });

  it('begin anew after a minute', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    expect(await statuses(4, () => open())).toEqual([200, 200, 200, 429]);
    vi.setSystemTime(Date.now() + 60_001);
    expect((await open()).statusCode).toBe(200);
  });

  it('count by address without a token, also what is refused and what leads nowhere', async () => {
    expect((await gateway.inject(null, { url, remoteAddress: address })).statusCode).toBe(401);
    const nowhere = { url: '/x/acme/nobody/here', remoteAddress: address };
    expect((await gateway.inject('user', nowhere)).statusCode).toBe(404);
    expect((await gateway.inject(null, nowhere)).statusCode).toBe(404);
    expect((await gateway.inject(null, nowhere)).statusCode).toBe(429);
    expect((await open()).json().code).toBe('E_RATE_LIMITED');
    expect((await open('198.51.100.1')).statusCode).toBe(200);
  });

  it('take a network of IPv6 for one address, and believe no header', async () => {
    const spoofed = (n: number) => ({
      'x-forwarded-for': `198.51.100.${n}`,
      forwarded: `for=198.51.100.${n}`,
    });
    expect(await statuses(4, (n) => open(`2001:db8:1:2::${n}`, spoofed(n)))).toEqual([200, 200, 200, 429]);
    expect((await open('2001:db8:1:3::1')).statusCode).toBe(200);
    expect(await statuses(3, () => open('::ffff:198.51.100.9'))).toEqual([200, 200, 200]);
    expect((await open('198.51.100.9')).statusCode).toBe(429);
  });

  it('give a token that nobody looks at no limit of its own', async () => {
    const asking = (n: number) => open(address, { authorization: `Bearer ${n}` });
    expect(await statuses(4, asking)).toEqual([200, 200, 200, 429]);
  });

  it('tell the bus once of each who sends too many', async () => {
    const told = () => gateway.hooks.published.filter(({ type }) => type === 'api.rate_limit.exceeded');
    await statuses(6, () => open());
    await statuses(6, () => gateway.inject('owner', { url }));
    await expect.poll(() => told().length).toBe(2);
    expect(told()).toMatchObject([
      { data: { extension: 'acme/hello', principal: null, by: null }, context: { tenant_id: 't_system' } },
      { data: { extension: 'acme/hello', principal: expect.stringMatching(/^token:/), by: null } },
    ]);
  });

  it('leave the control API alone', async () => {
    const ask = () => gateway.inject('owner', { url: '/v1/host' });
    expect(await statuses(8, ask)).toEqual(Array(8).fill(200));
  });
});

describe('guessing tokens', () => {
  it('is cut short, everywhere, before the store is asked', async () => {
    const asked = vi.spyOn(gateway.stores.tokens, 'authenticate');
    expect(await statuses(2, (n) => guess(n, '/v1/host'))).toEqual([401, 401]);
    for (const path of ['/v1/host', url]) {
      const refused = await guess(9, path);
      expect([refused.statusCode, refused.json().code]).toEqual([429, 'E_RATE_LIMITED']);
      expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    }
    expect(asked).toHaveBeenCalledTimes(2);
    expect(gateway.hooks.published).toContainEqual(
      expect.objectContaining({ type: 'api.rate_limit.exceeded' }),
    );
    expect((await guess(9, url, '198.51.100.2')).statusCode).toBe(401);
  });

  it('locks nobody out whose token was good here before', async () => {
    const remoteAddress = address; // they share it
    const ask = (role: 'owner' | 'auditor') => gateway.inject(role, { url: '/v1/host', remoteAddress });
    vi.useFakeTimers({ toFake: ['Date'] });
    expect((await ask('owner')).statusCode).toBe(200);
    await statuses(3, (n) => guess(n));
    vi.setSystemTime(Date.now() + 5_000); // the answer of the store is no longer believed
    expect((await ask('owner')).statusCode).toBe(200);
    expect((await ask('auditor')).statusCode).toBe(429);
    vi.setSystemTime(Date.now() + 60_000);
    expect((await ask('auditor')).statusCode).toBe(200);
  });
});

describe('limits of 0', () => {
  it('are none', async () => {
    await using own = await createTestGateway({ rateLimits: { principal: 0, anonymous: 0, failures: 0 } });
    own.endpoints.answer = () => ({ body: 'hi' });
    own.endpoints.serve('acme/hello', { method: 'GET', path: '/mine', auth: 'user' });
    const answers = await statuses(20, () => own.inject('user', { url }));
    expect(answers).toEqual(Array(20).fill(200));
    expect((await own.inject('user', { url })).headers).not.toHaveProperty('ratelimit-limit');
  });
});
