import { generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestSigstore } from '../../support/sigstore.ts';
import { bearer, createTestGateway, type TestGateway } from './test-gateway.ts';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await createTestGateway();
});
afterAll(() => gateway[Symbol.asyncDispose]());

const make = (payload: object, role: 'owner' | 'acme' = 'owner') =>
  gateway.inject(role, { method: 'POST', url: '/v1/tokens', payload });

describe('tokens', () => {
  it('are made, used, listed without their text, and revoked at once', async () => {
    const made = await make({ name: 'ci', role: 'author', expiresAt: '2099-01-01T00:00:00Z' });
    expect(made.statusCode).toBe(201);
    const { id, token } = made.json();
    expect(made.json()).toMatchObject({ name: 'ci', role: 'author', tenant: 't_system' });
    const use = () => gateway.app.inject({ url: '/v1/startup', headers: bearer(token) });
    expect((await use()).statusCode).toBe(200);

    const listed = await gateway.inject('auditor', { url: '/v1/tokens' });
    expect(listed.json().tokens).toContainEqual(expect.objectContaining({ id, name: 'ci', revokedAt: null }));
    expect(listed.body).not.toContain(token);

    const revoked = await gateway.inject('owner', { method: 'DELETE', url: `/v1/tokens/${id}` });
    expect(revoked.statusCode).toBe(200);
    expect((await use()).statusCode).toBe(401);
    const again = await gateway.inject('owner', { method: 'DELETE', url: `/v1/tokens/${id}` });
    expect([again.statusCode, again.json().code]).toEqual([404, 'E_NOT_FOUND']);

    const [refused, done] = await gateway.actionsOnRecord('token.revoke');
    expect([refused?.outcome, done?.outcome]).toEqual(['refused', 'ok']);
    expect((await gateway.actionsOnRecord('token.create'))[0]).toMatchObject({
      target: 'token:ci',
      outcome: 'ok',
    });
  });

  it('revoked by another host stop within a second', async () => {
    const { id, token } = (await make({ name: 'elsewhere', role: 'author' })).json();
    const status = async () =>
      (await gateway.app.inject({ url: '/v1/startup', headers: bearer(token) })).statusCode;
    expect(await status()).toBe(200);
    await gateway.stores.tokens.revoke(id);
    await expect.poll(status, { interval: 100 }).toBe(401);
  });

  it.each([
    {},
    { name: 'a' },
    { name: '', role: 'owner' },
    { name: 'a', role: 'none' },
    { name: 'a', role: 'certificate' },
    { name: 'a', role: 'Owner!' },
    { name: 'a', role: 'owner', tenant: 'acme' },
    { name: 'a', role: 'owner', expiresAt: 'tomorrow' },
    { name: 'a', role: 'owner', expiresAt: '2020-01-01T00:00:00Z' },
    { name: 'a', role: 'owner', extra: true },
  ])('are not made of %o', async (payload) => {
    const answer = await make(payload);
    expect([answer.statusCode, answer.json().code]).toEqual([400, 'E_BAD_REQUEST']);
  });

  it('of every tenant are made and seen from the control plane, and from nowhere else', async () => {
    const denied = await make({ name: 'up', role: 'owner', tenant: 't_system' }, 'acme');
    expect([denied.statusCode, denied.json().code]).toEqual([403, 'E_FORBIDDEN']);
    expect((await gateway.inject('acme', { url: '/v1/tokens' })).statusCode).toBe(403);
    const foreign = (await make({ name: 'theirs', role: 'author', tenant: 't_acme' })).json();
    const seen = (await gateway.inject('owner', { url: '/v1/tokens' })).json().tokens;
    expect(seen).toContainEqual(expect.objectContaining({ id: foreign.id, tenant: 't_acme' }));
  });
});

describe('trust', () => {
  const { publicKey, privateKey } = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const add = (payload: object) => gateway.inject('owner', { method: 'POST', url: '/v1/trust', payload });

  it('is given and taken, and both are on record', async () => {
    const added = await add({ publisher: 'acme', publicKey, tier: 'verified' });
    expect(added.statusCode).toBe(201);
    expect(added.json()).toMatchObject({
      publisher: 'acme',
      tier: 'verified',
      keys: [{ publicKey, revokedAt: null }],
    });
    expect((await add({ publisher: 'acme', publicKey })).json().tier).toBe('verified');
    const listed = (await gateway.inject('operator', { url: '/v1/trust' })).json();
    expect(listed.publishers.acme.keys).toHaveLength(1);

    const [{ id }] = listed.publishers.acme.keys;
    const key = await gateway.inject('owner', { method: 'DELETE', url: `/v1/trust/acme/keys/${id}` });
    expect(key.statusCode).toBe(200);
    const removed = await gateway.inject('owner', { method: 'DELETE', url: '/v1/trust/acme' });
    expect(removed.json()).toEqual({ publisher: 'acme', removed: true });
    const missing = await gateway.inject('owner', { method: 'DELETE', url: '/v1/trust/nobody' });
    expect(missing.json().code).toBe('E_NOT_FOUND');
    expect((await gateway.actionsOnRecord('trust.add')).at(-1)).toMatchObject({
      target: 'acme',
      outcome: 'ok',
    });
    expect((await gateway.actionsOnRecord('trust.remove')).map(({ outcome }) => outcome)).toEqual([
      'refused',
      'ok',
      'ok',
    ]);
  });

  it.each([
    { publisher: 'acme', publicKey: 'nonsense' },
    { publisher: 'acme', publicKey: privateKey },
    { publisher: 'AC ME', publicKey },
    { publisher: 'acme', publicKey, tier: 'first-party' },
    { publisher: 'acme' },
    { publisher: 'acme', publicKey, notBefore: '2027-01-02T00:00:00Z', notAfter: '2027-01-01T00:00:00Z' },
  ])('is not given for $publisher', async (payload) => {
    const answer = await add(payload);
    expect([answer.statusCode, answer.json().code]).toEqual([400, 'E_BAD_REQUEST']);
    expect(answer.body).not.toContain('PRIVATE KEY');
  });
});

describe('reviewers', () => {
  const publicKey = () =>
    generateKeyPairSync('ec', { namedCurve: 'P-256' })
      .publicKey.export({ type: 'spki', format: 'pem' })
      .toString();
  const ask = async (method: 'POST' | 'PUT' | 'DELETE', url: string, payload?: object) => {
    const answer = await gateway.inject('owner', { method, url, ...(payload ? { payload } : {}) });
    return { status: answer.statusCode, body: answer.json() };
  };
  const identity = { issuer: 'https://issuer.example', san: 'alice@example.com' };

  it('are added and removed, and both are on record', async () => {
    await using sigstore = await TestSigstore.start();
    const given = {
      reviewer: 'alice',
      publicKey: publicKey(),
      id: 'alice-1',
      notAfter: '2030-01-01T00:00:00Z',
    };
    const added = await ask('POST', '/v1/reviewers', given);
    expect([added.status, added.body]).toMatchObject([201, { reviewer: 'alice', keys: [{ id: 'alice-1' }] }]);
    const { trustedRoot } = sigstore;
    const pinned = { reviewer: 'alice', identity, trustedRoot };
    expect((await ask('POST', '/v1/reviewers', pinned)).status).toBe(201);
    const { reviewers } = (await gateway.inject('operator', { url: '/v1/trust' })).json();
    expect(reviewers.alice).toMatchObject({ keys: [{ id: 'alice-1' }], identities: [identity] });
    const san = encodeURIComponent(identity.san);
    for (const path of ['alice/keys/alice-1', `alice/identities/${san}`, 'alice'])
      expect((await ask('DELETE', `/v1/reviewers/${path}`)).status).toBe(200);
    expect((await ask('DELETE', '/v1/reviewers/nobody')).body.code).toBe('E_NOT_FOUND');
    expect((await gateway.actionsOnRecord('reviewer.add')).map(({ outcome }) => outcome)).toEqual([
      'ok',
      'ok',
    ]);
    expect((await gateway.actionsOnRecord('reviewer.remove'))[0]).toMatchObject({ outcome: 'refused' });
  });

  it.each([
    { reviewer: 'A b', publicKey: publicKey() },
    { reviewer: 'bob', publicKey: 'x' },
    { reviewer: 'bob' },
    { reviewer: 'bob', publicKey: publicKey(), tier: 'verified' },
  ])('are not added with %j', async (payload) => {
    const { status, body } = await ask('POST', '/v1/reviewers', payload);
    expect([status, body.code]).toEqual([400, 'E_BAD_REQUEST']);
  });

  it('and provenance are required of a publisher, by its owner alone', async () => {
    const url = '/v1/trust/initech/requirements';
    expect((await ask('PUT', url, { reviews: 2 })).body.code).toBe('E_NOT_FOUND');
    await ask('POST', '/v1/trust', { publisher: 'initech', publicKey: publicKey() });
    expect((await ask('PUT', url, { reviews: 2 })).body).toMatchObject({ reviews: 2, provenance: null });
    const provenance = { builder: 'https://b.example', sourceRepository: 'https://s.example' };
    expect((await ask('PUT', url, { provenance })).body).toMatchObject({ reviews: 2, provenance });
    expect((await ask('PUT', url, { provenance: null })).body).toMatchObject({
      reviews: 2,
      provenance: null,
    });
    for (const wrong of [{}, { reviews: 17 }, { reviews: -1 }, { provenance: {} }, { review: 1 }])
      expect((await ask('PUT', url, wrong)).body.code).toBe('E_BAD_REQUEST');
    expect((await gateway.actionsOnRecord('trust.require')).at(-1)).toMatchObject({
      target: 'initech',
      outcome: 'refused',
    });
    const answer = await gateway.inject('operator', { method: 'PUT', url, payload: { reviews: 0 } });
    expect(answer.json().code).toBe('E_FORBIDDEN');
  });
});

describe('the audit log', () => {
  it('is read back page by page, and forward, without a gap', async () => {
    const read = async (url: string) => (await gateway.inject('auditor', { url })).json();
    const newest = await read('/v1/audit?limit=2');
    expect(newest.records).toHaveLength(2);
    const older = await read(newest.next);
    const sequences = [...newest.records, ...older.records].map(
      ({ sequence }: { sequence: number }) => sequence,
    );
    const [first = 0] = sequences;
    expect(sequences).toEqual(Array.from({ length: sequences.length }, (_, i) => first - i));
    const oldest = await read('/v1/audit?after=0&limit=1');
    expect(oldest.records[0].sequence).toBe(1);
    expect((await read(oldest.next)).records[0].sequence).toBe(2);
    const filtered = await read('/v1/audit?action=trust.add&limit=1000');
    expect(filtered.next).toBeNull();
    expect(new Set(filtered.records.map(({ action }: { action: string }) => action))).toEqual(
      new Set(['trust.add']),
    );
  });

  it('is verified', async () => {
    const answer = (await gateway.inject('auditor', { url: '/v1/audit/verify' })).json();
    expect(answer.ok).toBe(true);
    expect(answer.records).toBeGreaterThan(5);
  });

  it.each(['limit=0', 'limit=1001', 'limit=x', 'after=-1', 'unknown=1'])(
    'is not read with %s',
    async (query) => {
      const answer = await gateway.inject('auditor', { url: `/v1/audit?${query}` });
      expect([answer.statusCode, answer.json().code]).toEqual([400, 'E_BAD_REQUEST']);
    },
  );
});
