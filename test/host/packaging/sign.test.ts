import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { generateKey, signPackage } from '../../../host/packaging/index.ts';
import { createTrustAdmin } from '../../../host/trust/trust-admin.ts';
import { verifyPackage } from '../../../kernel/trust/verify.ts';
import { NOW, packageArchive } from '../../kernel/trust/fixtures/packages.ts';
import { temporaryFolders, writeFiles } from './fixtures/temporary-folder.ts';

const newFolder = temporaryFolders();
const refused = { code: 'E_BAD_REQUEST' };

describe('generateKey', () => {
  it('makes a P-256 pair that only its owner can read', async () => {
    const dir = await newFolder();
    const files = await generateKey(join(dir, 'acme'));
    expect(files).toEqual({ privateKey: join(dir, 'acme.key'), publicKey: join(dir, 'acme.pub') });
    expect((await stat(files.privateKey)).mode & 0o777).toBe(0o600);
    const key = createPublicKey(await readFile(files.publicKey));
    expect(key.asymmetricKeyDetails).toEqual({ namedCurve: 'prime256v1' });
    expect(await readFile(files.privateKey, 'utf8')).toContain('-----BEGIN PRIVATE KEY-----');
    expect(createPublicKey(await readFile(files.privateKey)).equals(key)).toBe(true);
  });

  it('never replaces a key, nor leaves half a pair', async () => {
    for (const taken of ['acme.key', 'acme.pub']) {
      const dir = await newFolder();
      await writeFiles(dir, { [taken]: 'mine' });
      await expect(generateKey(join(dir, 'acme'))).rejects.toMatchObject(refused);
      expect(await readdir(dir)).toEqual([taken]);
      expect(await readFile(join(dir, taken), 'utf8')).toBe('mine');
    }
    await expect(generateKey(join(await newFolder(), 'absent/acme'))).rejects.toMatchObject(refused);
  });
});

describe('signPackage', () => {
  it('writes a bundle that the host accepts, and whose signature anybody can check', async () => {
    const dir = await newFolder();
    const file = join(dir, 'hello.mag');
    const archive = await packageArchive();
    await writeFile(file, archive);
    const key = await generateKey(join(dir, 'acme'));
    const pem = await readFile(key.publicKey, 'utf8');
    const target = await signPackage(file, key.privateKey);
    expect(target).toBe(`${file}.sigstore.json`);
    const bundle = await readFile(target, 'utf8');
    const { mediaType, messageSignature } = JSON.parse(bundle);
    expect(mediaType).toBe('application/vnd.dev.sigstore.bundle.v0.3+json');
    expect(verify('sha256', archive, pem, Buffer.from(messageSignature.signature, 'base64'))).toBe(true);

    const trust = createTrustAdmin(dir);
    await trust.trustPublisher({ publisher: 'acme', publicKey: pem, id: 'acme-2026', tier: 'verified' });
    const policy = await trust.policy();
    expect((await verifyPackage({ archive, bundle, policy, now: NOW })).signedBy).toBe('acme-2026');
  });

  it('refuses files and keys that are none', async () => {
    const dir = await newFolder();
    const { privateKey: rsa } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    await writeFiles(dir, {
      'a.mag': 'x',
      'no.key': 'x',
      'rsa.key': `${rsa.export({ type: 'pkcs8', format: 'pem' })}`,
    });
    const { publicKey, privateKey } = await generateKey(join(dir, 'acme'));
    for (const key of ['no.key', 'rsa.key', 'absent.key'].map((name) => join(dir, name)).concat(publicKey)) {
      await expect(signPackage(join(dir, 'a.mag'), key)).rejects.toMatchObject(refused);
    }
    await expect(signPackage(join(dir, 'absent.mag'), privateKey)).rejects.toMatchObject(refused);
    expect(await readdir(dir)).not.toContain('a.mag.sigstore.json');
  });
});
