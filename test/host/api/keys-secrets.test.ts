import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestGateway, type TestGateway } from './test-gateway.ts';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await createTestGateway();
});
afterAll(() => gateway[Symbol.asyncDispose]());

const KEYS = '/v1/extensions/acme/hello/keys';
const post = (url: string, payload: object = {}) =>
  gateway.inject('operator', { method: 'POST', url, payload });

describe('keys of an extension', () => {
  it('are made, listed and rotated, on record, without their private halves', async () => {
    const made = await post(KEYS, { name: 'receipts' });
    expect([made.statusCode, made.json()]).toEqual([
      201,
      expect.objectContaining({ name: 'receipts', type: 'ed25519', previous: [] }),
    ]);
    const rotated = await post(`${KEYS}/receipts/rotate`);
    expect(rotated.json()).toMatchObject({ previous: [{ keyId: made.json().keyId }] });
    const listed = await gateway.inject('auditor', { url: KEYS });
    expect(listed.json()).toEqual({ keys: [rotated.json()], next: null });
    expect(made.body + rotated.body + listed.body).not.toMatch(/PRIVATE|"d":/);
    const record = {
      principal: expect.stringMatching(/^token:/),
      outcome: 'ok',
      target: 'acme/hello receipts',
    };
    expect(await gateway.actionsOnRecord('key.create')).toMatchObject([
      { ...record, detail: { type: 'ed25519' } },
    ]);
    expect(await gateway.actionsOnRecord('key.rotate')).toMatchObject([record]);
  });

  it.each<[string, string, object, number, string]>([
    ['an extension nobody knows', '/v1/extensions/acme/missing/keys', { name: 'a' }, 404, 'E_NOT_FOUND'],
    ['a type there is not', KEYS, { name: 'a', type: 'rsa' }, 400, 'E_BAD_REQUEST'],
    ['a name that is a path', KEYS, { name: '../a' }, 400, 'E_BAD_REQUEST'],
    ['a key to rotate that is not there', `${KEYS}/absent/rotate`, {}, 404, 'E_KEY_UNKNOWN'],
  ])('are refused for %s', async (_what, url, payload, status, code) => {
    const answer = await post(url, payload);
    expect([answer.statusCode, answer.json().code]).toEqual([status, code]);
  });

  it('are not made twice', async () => {
    await post(KEYS, { name: 'twice', type: 'p256' });
    const again = await post(KEYS, { name: 'twice' });
    expect([again.statusCode, again.json().code]).toEqual([409, 'E_STATE']);
    expect((await gateway.actionsOnRecord('key.create'))[0]).toMatchObject({ outcome: 'refused' });
  });
});

describe('secrets', () => {
  it('are listed by their names', async () => {
    const folder = join(gateway.dataDir, 'secrets');
    await mkdir(folder, { mode: 0o700 });
    await writeFile(join(folder, 'IN_A_FILE'), 'geheim-aus-der-datei', { mode: 0o600 });
    const answer = await gateway.inject('auditor', { url: '/v1/secrets' });
    expect(answer.json().secrets).toMatchObject([
      { name: 'IN_A_FILE', extension: null, state: 'present', from: 'folder', use: null },
      { name: 'SHARED_KEY', extension: null, state: 'present', from: 'environment', use: null },
    ]);
    expect(answer.body).not.toContain('geheim');
  });
});

describe('places of secrets elsewhere', () => {
  const ROUTE = '/v1/secret-backends';
  const main = { name: 'main', url: 'https://vault.example.com:8200', secret: 'VAULT_TOKEN' };
  const add = (payload: object, role: 'owner' | 'operator' = 'owner') =>
    gateway.inject(role, { method: 'POST', url: ROUTE, payload });

  it('are connected, listed and disconnected by owners, on record', async () => {
    expect((await add(main, 'operator')).json().code).toBe('E_FORBIDDEN');
    const added = await add(main);
    const whole = { ...main, mount: 'secret', kvVersion: 2, roleId: null };
    expect([added.statusCode, added.json()]).toEqual([201, whole]);
    expect((await add(main)).json().code).toBe('E_EXISTS');
    const listed = await gateway.inject('auditor', { url: ROUTE });
    expect(listed.json()).toEqual({ backends: [whole], next: null });
    const remove = () => gateway.inject('owner', { method: 'DELETE', url: `${ROUTE}/main` });
    expect([(await remove()).statusCode, (await remove()).statusCode]).toEqual([200, 404]);
    const detail = { url: main.url, mount: 'secret', enteredWith: 'VAULT_TOKEN' };
    expect(await gateway.actionsOnRecord('secret_backend.add')).toMatchObject([
      { outcome: 'refused', target: 'vault:main', detail: { ...detail, code: 'E_EXISTS' } },
      { outcome: 'ok', target: 'vault:main', detail },
    ]);
    expect(await gateway.actionsOnRecord('secret_backend.remove')).toHaveLength(2);
  });

  it.each([
    { url: 'http://vault.example.com:8200' },
    { url: 'https://vault.example.com/v1' },
    { url: 'https://user:password@vault.example.com' },
    { url: 'https://vault.example.com?a=b' },
    { url: 'http://localhost.example.com' },
    { url: 'http://127.0.0.1.example.com' },
    { url: 'file:///etc/passwd' },
    { name: 'Main' },
    { mount: '../sys' },
    { mount: 'a//b' },
    { kvVersion: 3 },
    { secret: 'hvs.a-token' },
    { token: 'hvs.a-token' },
  ])('are refused with %j', async (wrong) => {
    const answer = await add({ ...main, ...wrong });
    expect([answer.statusCode, answer.json().code]).toEqual([400, 'E_BAD_REQUEST']);
  });
});

describe('an extension', () => {
  it('is shown with what an operator still has to provide', async () => {
    const { warnings } = (await gateway.inject('author', { url: '/v1/extensions/acme/hello' })).json();
    expect(warnings).toEqual(['the secret TRANSLATE_KEY is missing']);
  });
});
