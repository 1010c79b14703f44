import { afterAll, beforeAll, expect, it } from 'vitest';
import { listText, signedList } from '../../kernel/trust/fixtures/lists.ts';
import { testKey } from '../../kernel/trust/fixtures/packages.ts';
import { createTestGateway, type TestGateway } from './test-gateway.ts';

const [old, next] = [testKey(), testKey()];
let gateway: TestGateway;
beforeAll(async () => {
  gateway = await createTestGateway();
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
});

const trust = (payload: object) =>
  gateway.inject('owner', { method: 'POST', url: '/v1/revocation-issuers', payload });
function take(text: string, key = old) {
  const { bytes, bundle } = signedList(text, key);
  const payload = { list: Buffer.from(bytes).toString(), bundle };
  return gateway.inject('operator', { method: 'POST', url: '/v1/revocations', payload });
}

it('the lists of an issuer are taken once it is trusted, and handed out as they were signed', async () => {
  const text = listText({ revoked: [] });
  expect((await take(text)).json().code).toBe('E_REVOCATION_LIST');
  const added = await trust({ issuer: 'security', publicKey: old.pem, id: 'old', publishers: ['acme'] });
  expect([added.statusCode, added.json()]).toMatchObject([201, { issuer: 'security', publishers: ['acme'] }]);
  const first = (await take(text)).json();
  expect(first).toMatchObject({ issuer: 'security', number: 1, again: false, stopped: ['acme/hello'] });
  expect((await take(text)).json().again).toBe(true);
  const stored = (await gateway.inject('auditor', { url: '/v1/revocations/security' })).json();
  expect(stored).toMatchObject({ list: text, counts: true, trouble: null });
  expect((await gateway.inject('auditor', { url: '/v1/revocations/nobody' })).statusCode).toBe(404);
});

it('a key of an issuer takes over from another, and signs the same list anew', async () => {
  expect((await trust({ issuer: 'security', publicKey: next.pem, id: 'next' })).json()).toMatchObject({
    keys: [{ id: 'old' }, { id: 'next' }],
    publishers: ['acme'], // as before
  });
  const url = '/v1/revocation-issuers/security/signers/old';
  expect((await gateway.inject('owner', { method: 'DELETE', url })).statusCode).toBe(200);
  const [list] = (await gateway.inject('auditor', { url: '/v1/revocations' })).json().lists;
  expect(list).toMatchObject({ counts: true, trouble: 'the key old was removed' });
  expect((await take(listText({ revoked: [] }))).json().code).toBe('E_REVOCATION_LIST');
  expect((await take(listText({ revoked: [] }), next)).json().again).toBe(true);
  const [anew] = (await gateway.inject('auditor', { url: '/v1/revocations' })).json().lists;
  expect(anew).toMatchObject({ counts: true, trouble: null });
});

it.each<[string, object]>([
  ['no key', { issuer: 'security', publicKey: 'x' }],
  ['no issuer', { issuer: '../x', publicKey: old.pem }],
  ['no publisher', { issuer: 'security', publicKey: old.pem, publishers: ['Acme'] }],
  ['no time', { issuer: 'security', publicKey: old.pem, notBefore: 'soon' }],
])('what is %s is refused', async (_what, payload) => {
  expect((await trust(payload)).json().code).toBe('E_BAD_REQUEST');
});

it('an issuer that is removed is gone, and on record', async () => {
  const url = '/v1/revocation-issuers/security';
  expect((await gateway.inject('owner', { method: 'DELETE', url })).statusCode).toBe(200);
  expect((await gateway.inject('owner', { method: 'DELETE', url })).json().code).toBe('E_NOT_FOUND');
  const [list] = (await gateway.inject('auditor', { url: '/v1/revocations' })).json().lists;
  expect(list.counts).toBe(false);
  const outcomes = async (action: string) =>
    (await gateway.actionsOnRecord(action)).map(({ outcome }) => outcome).sort();
  expect(await outcomes('revocation.distrust')).toEqual(['ok', 'ok', 'refused']);
  expect((await outcomes('revocation.import')).filter((outcome) => outcome === 'refused')).toHaveLength(2);
});

it('a key is trusted ahead of its first day', async () => {
  const body = { publisher: 'acme', publicKey: next.pem, notBefore: '2030-01-01T00:00:00Z' };
  const { keys } = (
    await gateway.inject('owner', { method: 'POST', url: '/v1/trust', payload: body })
  ).json();
  expect(keys).toMatchObject([{ notBefore: '2030-01-01T00:00:00.000Z', notAfter: null }]);
});
