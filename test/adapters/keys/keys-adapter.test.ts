import { createHmac, createPublicKey, createSecretKey, verify } from 'node:crypto';
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compactVerify, importJWK, type JWK } from 'jose';
import { describe, expect, it } from 'vitest';
import { createKeysAdapter, type KeyType } from '../../../adapters/keys/index.ts';
import { codeOf } from '../../../kernel/errors.ts';
import type { Json } from '../../../manifests/json.ts';
import type { ExtensionId } from '../../../manifests/manifest/manifest.ts';
import { describeAdapterContract } from '../adapter-contract.ts';
import { createHostCallBench } from '../host-call-bench.ts';

const ID = 'acme/shop';
const TYPES: KeyType[] = ['ed25519', 'p256'];
const base64 = (text: string) => Buffer.from(text).toString('base64');

async function createKeysBench(scope?: object) {
  const home = await mkdtemp(join(tmpdir(), 'magflock-keys-'));
  const rootDir = join(home, 'keys');
  const logged: string[] = [];
  const log = (fields: object, message: string) => void logged.push(JSON.stringify({ message, ...fields }));
  const adapter = createKeysAdapter({
    rootDir,
    logger: { debug: log, info: log, warn: log, error: log },
  });
  const benchOf = (id: ExtensionId) => {
    const bench = createHostCallBench(adapter, {
      id,
      capabilities: [{ name: 'system.keys', reason: 'r', ...(scope ? { scope } : {}) }],
    });
    const outcome = (call: string, params: Json) =>
      bench.call(`keys.${call}`, params).then(() => 'ok', codeOf);
    return { ...bench, outcome };
  };
  return {
    ...benchOf(ID),
    adapter,
    benchOf,
    store: adapter.store,
    logged,
    folder: join(rootDir, ID, 'receipts'),
    rootDir,
    [Symbol.asyncDispose]: () => rm(home, { recursive: true, force: true }),
  };
}

describeAdapterContract({
  component: 'keys',
  event: {
    type: 'extension.error',
    data: { extension: 'a/b', version: '1.0.0', code: 'E_KEY_UNKNOWN', detail: '' },
  },
  create: async () => {
    const bench = await createKeysBench();
    return { adapter: bench.adapter, dispose: async () => bench[Symbol.asyncDispose]() };
  },
});

describe.each(TYPES)('a key of type %s', (type) => {
  it('signs what others verify with its public half', async () => {
    await using bench = await createKeysBench();
    await bench.store.create(ID, 'receipts', type);
    const data = base64('a receipt');
    const { signature, keyId } = await bench.call('keys.sign', { key: 'receipts', data });
    const shown = await bench.call('keys.publicKey', { key: 'receipts' });
    expect(Buffer.from(signature, 'base64')).toHaveLength(64);
    expect(shown).toMatchObject({
      keyId,
      algorithm: type === 'p256' ? 'ES256' : 'EdDSA',
      jwk: { kid: keyId, use: 'sig' },
      previous: [],
    });
    const isGood = verify(
      type === 'p256' ? 'sha256' : null,
      Buffer.from('a receipt'),
      { key: createPublicKey(shown.pem), dsaEncoding: 'ieee-p1363' },
      Buffer.from(signature, 'base64'),
    );
    expect(isGood).toBe(true);
  });

  it('verifies its own signatures and no others', async () => {
    await using bench = await createKeysBench();
    await bench.store.create(ID, 'receipts', type);
    await bench.store.create(ID, 'invoices', type);
    const signed = { key: 'receipts', data: base64('x') };
    const { signature, keyId } = await bench.call('keys.sign', signed);
    const check = (params: object) => bench.call('keys.verify', { ...signed, signature, ...params });
    expect(await check({})).toEqual({ valid: true, keyId });
    expect(await check({ keyId })).toEqual({ valid: true, keyId });
    for (const wrong of [
      { data: base64('y') },
      { key: 'invoices' },
      { keyId: 'another' },
      { signature: '' },
      { signature: base64('x'.repeat(64)) },
      { signature: base64('short') },
    ])
      expect(await check(wrong)).toEqual({ valid: false, keyId: null });
  });

  it('makes a JWS that anybody can verify, with a header that says whose it is', async () => {
    await using bench = await createKeysBench();
    await bench.store.create(ID, 'receipts', type);
    const { jwk } = await bench.call('keys.publicKey', { key: 'receipts' });
    const made = async (params: object) => {
      const { jws } = await bench.call('keys.jws', { key: 'receipts', ...params });
      return compactVerify(jws, await importJWK(jwk as JWK));
    };
    const object = await made({ payload: { paid: true }, header: { typ: 'receipt+jwt', n: 1 } });
    expect(object.protectedHeader).toEqual({ typ: 'receipt+jwt', n: 1, alg: jwk.alg, kid: jwk.kid });
    expect(Buffer.from(object.payload).toString()).toBe('{"paid":true}');
    expect(Buffer.from((await made({ payload: 'Grüße' })).payload).toString()).toBe('Grüße');
  });

  it('verifies what it signed before it was rotated, and signs with the new version only', async () => {
    await using bench = await createKeysBench();
    const first = await bench.store.create(ID, 'receipts', type);
    const signed = { key: 'receipts', data: base64('x') };
    const before = await bench.call('keys.sign', signed);
    const [second] = [await bench.store.rotate(ID, 'receipts'), await bench.store.rotate(ID, 'receipts')];
    const after = await bench.call('keys.sign', signed);
    expect(second.type).toBe(type);
    expect(new Set([before.keyId, second.keyId, after.keyId]).size).toBe(3);
    for (const { signature, keyId } of [before, after])
      expect(await bench.call('keys.verify', { ...signed, signature })).toEqual({ valid: true, keyId });
    const { keyId, previous } = await bench.call('keys.publicKey', { key: 'receipts' });
    expect([keyId, ...previous.map((one: { keyId: string }) => one.keyId)]).toEqual([
      after.keyId,
      second.keyId,
      first.keyId,
    ]);
    expect(await readdir(bench.folder)).toEqual([
      '000001.pub.pem',
      '000002.pub.pem',
      '000003.pem',
      '000003.pub.pem',
    ]);
  });
});

describe('a symmetric key', () => {
  it('makes codes that it alone verifies, and has no public half', async () => {
    await using bench = await createKeysBench();
    const { keyId, type } = await bench.store.create(ID, 'receipts', 'hmac');
    await bench.store.create(ID, 'invoices', 'hmac');
    const signed = { key: 'receipts', data: base64('x') };
    const made = await bench.call('keys.sign', signed);
    expect([type, made.keyId]).toEqual(['hmac', keyId]);
    const secret = Buffer.from(await readFile(join(bench.folder, '000001.mac'), 'utf8'), 'base64');
    expect(made.signature).toBe(createHmac('sha256', secret).update('x').digest('base64'));
    const check = (params: object) =>
      bench.call('keys.verify', { ...signed, signature: made.signature, ...params });
    expect(await check({})).toEqual({ valid: true, keyId });
    for (const wrong of [
      { data: base64('y') },
      { key: 'invoices' },
      { keyId: 'another' },
      { signature: '' },
      { signature: base64('x'.repeat(32)) },
    ])
      expect(await check(wrong)).toEqual({ valid: false, keyId: null });
    expect(await bench.outcome('publicKey', { key: 'receipts' })).toBe('E_PARAMS');
    const { jws } = await bench.call('keys.jws', { key: 'receipts', payload: 'x' });
    const { protectedHeader } = await compactVerify(jws, createSecretKey(secret));
    expect(protectedHeader).toEqual({ alg: 'HS256', kid: keyId });
  });

  it('verifies what it made before it was rotated, and stays with the host', async () => {
    await using bench = await createKeysBench();
    const first = await bench.store.create(ID, 'receipts', 'hmac');
    const signed = { key: 'receipts', data: base64('x') };
    const before = await bench.call('keys.sign', signed);
    const second = await bench.store.rotate(ID, 'receipts');
    const after = await bench.call('keys.sign', signed);
    expect([before.keyId, after.keyId]).toEqual([first.keyId, second.keyId]);
    expect(first.keyId).not.toBe(second.keyId);
    for (const { signature, keyId } of [before, after])
      expect(await bench.call('keys.verify', { ...signed, signature })).toEqual({ valid: true, keyId });
    expect(second).toMatchObject({ type: 'hmac', previous: [{ keyId: first.keyId }] });
    expect(await readdir(bench.folder)).toEqual(['000001.mac', '000002.mac']);
    for (const file of await readdir(bench.folder)) {
      expect((await stat(join(bench.folder, file))).mode & 0o777).toBe(0o600);
      const secret = (await readFile(join(bench.folder, file), 'utf8')).trim();
      expect(JSON.stringify([first, second, await bench.store.list(ID)])).not.toContain(secret);
    }
    await writeFile(join(bench.folder, '000002.mac'), 'c2hvcnQ=');
    expect(await bench.outcome('sign', signed)).toBe('E_KEY_UNKNOWN');
  });
});

describe('keys', () => {
  it.each(['alg', 'kid', 'crit', 'b64', 'jwk', 'jku', 'x5u', 'x5c'])(
    'leave the header %s to nobody',
    async (name) => {
      await using bench = await createKeysBench();
      await bench.store.create(ID, 'receipts', 'ed25519');
      const params = { key: 'receipts', payload: 'x', header: { [name]: 'none' } };
      expect(await bench.outcome('jws', params)).toBe('E_PARAMS');
    },
  );

  it('belong to one extension', async () => {
    await using bench = await createKeysBench();
    await bench.store.create(ID, 'receipts', 'ed25519');
    const other = bench.benchOf('acme/other');
    const params = { key: 'receipts', data: '' };
    expect(await other.outcome('sign', params)).toBe('E_KEY_UNKNOWN');
    const theirs = await bench.store.create('acme/other', 'receipts', 'ed25519');
    expect((await other.call('keys.sign', params)).keyId).toBe(theirs.keyId);
    expect((await bench.call('keys.sign', params)).keyId).not.toBe(theirs.keyId);
    expect(await bench.store.list('acme/none')).toEqual([]);
  });

  it('need the right to them, by name', async () => {
    await using bench = await createKeysBench({ keys: ['receipts', 'invoices'] });
    for (const key of ['receipts', 'invoices', 'others']) await bench.store.create(ID, key, 'ed25519');
    expect(await bench.outcome('sign', { key: 'others', data: '' })).toBe('E_CAP_SCOPE');
    bench.grant({ capability: 'system.keys', scope: { keys: ['receipts'] } });
    expect(await bench.outcome('sign', { key: 'receipts', data: '' })).toBe('ok');
    for (const [call, params] of [
      ['sign', { key: 'invoices', data: '' }],
      ['verify', { key: 'invoices', data: '', signature: '' }],
      ['publicKey', { key: 'invoices' }],
      ['jws', { key: 'invoices', payload: 1 }],
    ] as const)
      expect(await bench.outcome(call, params)).toBe('E_CAP_SCOPE');
    bench.grant();
    expect(await bench.outcome('sign', { key: 'receipts', data: '' })).toBe('E_CAP_REVOKED');
  });

  it('never leave the host, and lie in files for it alone', async () => {
    await using bench = await createKeysBench();
    const made = [
      await bench.store.create(ID, 'receipts', 'p256'),
      await bench.store.rotate(ID, 'receipts'),
      await bench.store.list(ID),
      await bench.call('keys.publicKey', { key: 'receipts' }),
    ];
    const pem = await readFile(join(bench.folder, '000002.pem'), 'utf8');
    expect(pem).toMatch(/^-----BEGIN PRIVATE KEY-----/); // PKCS#8
    const said = JSON.stringify(made);
    expect(said).not.toContain('PRIVATE');
    expect(said).not.toContain('"d"');
    for (const file of await readdir(bench.folder))
      expect((await stat(join(bench.folder, file))).mode & 0o777).toBe(0o600);
    expect((await stat(bench.rootDir)).mode & 0o777).toBe(0o700);
  });

  it('are not used from a file that others may read, or that holds something else', async () => {
    await using bench = await createKeysBench();
    await bench.store.create(ID, 'receipts', 'ed25519');
    const file = join(bench.folder, '000001.pem');
    const params = { key: 'receipts', data: '' };
    await chmod(file, 0o640);
    expect(await bench.outcome('sign', params)).toBe('E_KEY_UNKNOWN');
    expect(bench.logged.at(-1)).toContain('open to other accounts');
    await chmod(file, 0o600);
    await writeFile(file, '-----BEGIN PRIVATE KEY-----\ngeheim\n-----END PRIVATE KEY-----\n');
    expect(await bench.outcome('sign', params)).toBe('E_KEY_UNKNOWN');
    expect(bench.logged.join()).not.toContain('geheim');
    expect(await bench.store.list(ID)).toEqual([]);
  });

  it('are made once by each name, and rotated one after the other', async () => {
    await using bench = await createKeysBench();
    const { store } = bench;
    const made = await Promise.allSettled([1, 2, 3].map(() => store.create(ID, 'receipts', 'ed25519')));
    expect(made.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected']);
    await expect(store.create(ID, 'receipts', 'p256')).rejects.toMatchObject({ code: 'E_STATE' });
    await Promise.all([1, 2, 3].map(() => store.rotate(ID, 'receipts')));
    expect((await store.list(ID))[0]?.previous).toHaveLength(3);
    await expect(store.rotate(ID, 'absent')).rejects.toMatchObject({ code: 'E_KEY_UNKNOWN' });
    for (const name of ['../x', 'A', '', '-a', 'a'.repeat(64)])
      await expect(store.create(ID, name, 'p256')).rejects.toMatchObject({ code: 'E_BAD_REQUEST' });
  });

  it('go on after a rotation that was cut off behind its first file', async () => {
    await using bench = await createKeysBench();
    await bench.store.create(ID, 'receipts', 'ed25519');
    const [old, params] = [await readFile(join(bench.folder, '000001.pem')), { key: 'receipts', data: '' }];
    const { signature } = await bench.call('keys.sign', params);
    const { keyId } = await bench.store.rotate(ID, 'receipts');
    await writeFile(join(bench.folder, '000001.pem'), old, { mode: 0o600 });
    await rm(join(bench.folder, '000002.pub.pem'));
    expect((await bench.call('keys.sign', params)).keyId).toBe(keyId);
    expect((await bench.call('keys.verify', { ...params, signature })).valid).toBe(true);
    await bench.store.rotate(ID, 'receipts');
    expect(await readdir(bench.folder)).toEqual([
      '000001.pub.pem',
      '000002.pub.pem',
      '000003.pem',
      '000003.pub.pem',
    ]);
  });

  it('are missed by an operator when the manifest names them', async () => {
    await using bench = await createKeysBench({ keys: ['receipts', 'invoices'] });
    await bench.store.create(ID, 'receipts', 'ed25519');
    expect(await bench.adapter.lacks?.(bench.manifest)).toEqual([
      'the key invoices is missing: mag key:create acme/shop invoices',
    ]);
    await using any = await createKeysBench();
    expect(await any.adapter.lacks?.(any.manifest)).toEqual([]);
  });

  it('stay when an extension goes, unless all of it is purged', async () => {
    await using bench = await createKeysBench();
    await bench.store.create(ID, 'receipts', 'ed25519');
    await bench.store.create('acme/other', 'receipts', 'ed25519');
    await bench.adapter.forget?.(ID, { purge: false });
    expect(await bench.store.list(ID)).toHaveLength(1);
    await bench.adapter.forget?.(ID, { purge: true });
    await bench.adapter.forget?.(ID, { purge: true });
    expect(await bench.store.list(ID)).toEqual([]);
    expect(await bench.store.list('acme/other')).toHaveLength(1);
  });

  it.each<[string, Json]>([
    ['sign', { key: 'receipts', data: 'no base64!' }],
    ['sign', { key: 'receipts', data: 'a===' }],
    ['sign', { key: '../admin', data: '' }],
    ['verify', { key: 'receipts', data: '', signature: '-_' }],
    ['jws', { key: 'receipts', payload: '\ud800' }],
  ])('refuse %s with %j', async (call, params) => {
    await using bench = await createKeysBench();
    await bench.store.create(ID, 'receipts', 'ed25519');
    expect(await bench.outcome(call, params)).toBe('E_PARAMS');
  });
});
