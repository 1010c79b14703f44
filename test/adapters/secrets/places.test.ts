import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createEnvironmentSecrets } from '../../../adapters/secrets/environment-secrets.ts';
import { SecretFolder, type VaultConnection } from '../../../adapters/secrets/index.ts';
import { placeOf } from '../../../adapters/secrets/secret-place.ts';
import { VaultPlace } from '../../../adapters/secrets/vault-place.ts';
import { VaultServer } from '../../support/vault-server.ts';
import { describeSecretPlace, type PlaceUnderTest } from './place-contract.ts';

const value = 'the-first-value';
const nothing = async () => undefined;

describeSecretPlace('environment', async () => ({
  ...{ value, ref: 'SHARED', absent: 'ABSENT', replace: null },
  place: placeOf(createEnvironmentSecrets(new Map([['SHARED', value]]))),
  [Symbol.asyncDispose]: nothing,
}));

describeSecretPlace('folder', async () => {
  const home = await mkdtemp(join(tmpdir(), 'magflock-secrets-'));
  const folder = new SecretFolder(join(home, 'secrets'));
  const set = (text: string) => folder.set({ name: 'SHARED', extension: null }, Buffer.from(text));
  await set(value);
  return {
    ...{ value, ref: 'SHARED', absent: 'ABSENT', replace: set, place: placeOf(folder) },
    [Symbol.asyncDispose]: () => rm(home, { recursive: true }),
  };
});

function connectionTo(vault: VaultServer, more: Partial<VaultConnection> = {}): VaultConnection {
  const entered = { secret: 'VAULT_TOKEN', roleId: null };
  return { name: 'main', url: vault.url, mount: 'secret', kvVersion: 2, ...entered, ...more };
}

for (const kvVersion of [1, 2] as const) {
  describeSecretPlace(`vault, version ${kvVersion}`, async (): Promise<PlaceUnderTest> => {
    const vault = await VaultServer.start();
    const put = (text: string) =>
      kvVersion === 2
        ? vault.put('apps/shop', { value: text })
        : vault.putPlain('apps/shop', { value: text });
    put(value);
    const connection = connectionTo(vault, kvVersion === 2 ? {} : { mount: 'kv', kvVersion });
    return {
      ...{ value, ref: 'apps/shop#value', absent: 'apps/other#value' },
      replace: async (text) => put(text),
      place: new VaultPlace({ connection, credential: async () => 'root-token' }),
      [Symbol.asyncDispose]: () => vault[Symbol.asyncDispose](),
    };
  });
}

describe('a Vault', () => {
  const REF = 'apps/shop#key';
  /** Where an answer comes, it is waited for as long as it takes. */
  const PATIENT_MS = 60_000;
  let vault: VaultServer;
  let token: string | null;
  let place: VaultPlace;
  beforeAll(async () => {
    vault = await VaultServer.start();
  });
  afterAll(() => vault[Symbol.asyncDispose]());
  beforeEach(() => {
    vault.mood = 'well';
    vault.asked.length = 0;
    token = 'root-token';
    vault.put('apps/shop', { key: 'a-key', number: 1, empty: '', nested: {}, long: 'x'.repeat(70_000) });
    const connection = connectionTo(vault);
    place = new VaultPlace({ connection, credential: async () => token, deadlineMs: PATIENT_MS });
  });
  const unusable = (why: string) => ({ state: 'unusable', why });

  it('is asked for the newest version; one that was deleted is missing', async () => {
    expect(await place.readRef(REF)).toEqual({ state: 'present', value: 'a-key' });
    vault.put('apps/shop', { key: 'b-key' });
    expect(await place.readRef(REF)).toEqual({ state: 'present', value: 'b-key' });
    expect(vault.asked).toEqual(['GET /v1/secret/data/apps/shop', 'GET /v1/secret/data/apps/shop']);
    vault.deleteNewest('apps/shop');
    expect(await place.readRef(REF)).toEqual({ state: 'missing' });
  });

  it('has fields that are no secret', async () => {
    for (const field of ['number', 'empty', 'nested', 'long'])
      expect(await place.readRef(`apps/shop#${field}`)).toEqual(unusable(expect.stringContaining('field')));
    expect(await place.readRef('apps/shop#absent')).toEqual({ state: 'missing' });
  });

  it('is not entered without a token, or with a wrong one; a new one holds at once', async () => {
    token = null;
    expect(await place.readRef(REF)).toEqual(unusable('it cannot be entered: its secret is missing'));
    expect(vault.asked).toEqual([]);
    token = 'another-token';
    expect(await place.readRef(REF)).toEqual(unusable('it answered 403'));
    vault.allow('another-token');
    expect(await place.readRef(REF)).toEqual({ state: 'present', value: 'a-key' });
    vault.revoke('another-token');
    expect(await place.readRef(REF)).toEqual(unusable('it answered 403'));
    token = 'with\na line end';
    expect(await place.readRef(REF)).toEqual(unusable('it does not answer'));
  });

  it('that redirects is not followed, and nobody else is shown the token', async () => {
    vault.mood = 'elsewhere';
    expect(await place.readRef(REF)).toEqual(unusable('it answered 307'));
    expect(vault.strayed).toEqual([]);
  });

  it.each([
    ['sealed', 'it answered 503'],
    ['huge', 'it sent more than it may'],
    ['no-json', 'it answered with what is no secret'],
    ['broken-off', 'it took too long'],
    ['silent', 'it took too long'],
  ] as const)('that is %s is told from a missing secret, in words of the host', async (mood, why) => {
    const deadlineMs = why === 'it took too long' ? 1_000 : PATIENT_MS;
    const other = new VaultPlace({
      connection: connectionTo(vault),
      credential: async () => token,
      deadlineMs,
    });
    vault.mood = mood;
    expect(await other.readRef(REF)).toEqual(unusable(why));
    vault.mood = 'well';
    expect(await place.readRef(REF)).toEqual({ state: 'present', value: 'a-key' });
  });

  it('that is slow is waited for, that is away is not', async () => {
    vault.mood = 'slow';
    expect(await place.readRef(REF)).toEqual({ state: 'present', value: 'a-key' });
    const connection = connectionTo(vault, { url: 'http://127.0.0.1:1' });
    const nowhere = new VaultPlace({ connection, credential: async () => token });
    expect(await nowhere.readRef(REF)).toEqual(unusable('it does not answer'));
  });

  it('is entered with an AppRole, once for many reads, and again when that ends', async () => {
    vault.addRole('role-1', 'secret-id');
    const connection = connectionTo(vault, { roleId: 'role-1' });
    let credential = 'wrong';
    const parts = { connection, credential: async () => credential };
    const role = new VaultPlace({ ...parts, deadlineMs: PATIENT_MS });
    expect(await role.readRef(REF)).toEqual(unusable('it answered 400 to its login'));
    credential = 'secret-id';
    vault.asked.length = 0;
    expect(await role.readRef(REF)).toEqual({ state: 'present', value: 'a-key' });
    expect(await role.readRef(REF)).toEqual({ state: 'present', value: 'a-key' });
    expect(vault.asked.filter((line) => line.includes('login'))).toEqual(['POST /v1/auth/approle/login']);
    vault.revokeLeases();
    expect(await role.readRef(REF)).toEqual({ state: 'present', value: 'a-key' });
  });
});
