import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  addTrustedKey,
  listTrust,
  readTrustPolicy,
  removeTrust,
  writeTrustPolicy,
} from '../../../host/packaging/index.ts';
import { parseTrustPolicy } from '../../../kernel/trust/policy.ts';
import { testKey } from '../../kernel/trust/fixtures/packages.ts';
import { temporaryFolders, writeFiles } from './fixtures/temporary-folder.ts';

const newFolder = temporaryFolders();

describe('the trust policy in the data folder', () => {
  it('trusts nobody while there is none', async () => {
    const dir = await newFolder();
    expect((await readTrustPolicy(dir)).publishers.size).toBe(0);
    expect(await listTrust(dir)).toEqual({ publishers: {} });
    expect(await readdir(dir)).toEqual([]);
  });

  it('keeps all it was given', async () => {
    const dir = await newFolder();
    const policy = parseTrustPolicy({
      publishers: {
        acme: {
          tier: 'first-party',
          keys: [
            { id: 'a', publicKey: testKey().pem, notAfter: '2027-12-31T00:00:00Z' },
            { id: 'b', publicKey: testKey().pem, revokedAt: '2026-01-01T00:00:00Z' },
          ],
        },
        globex: { tier: 'community', identities: [{ issuer: 'i', san: 's' }], trustedRoot: 'root.json' },
      },
    });
    await writeTrustPolicy(join(dir, 'data'), policy);
    expect(await readTrustPolicy(join(dir, 'data'))).toEqual(policy);
    expect(await readdir(join(dir, 'data'))).toEqual(['trust-policy.json']);
  });

  it('adds, lists and removes', async () => {
    const dir = await newFolder();
    const [one, two] = [testKey(), testKey()];
    const first = await addTrustedKey(dir, 'acme', one.pem, 'community');
    const second = await addTrustedKey(dir, 'acme', two.pem, 'verified', 'acme-2026');
    expect(second).toBe('acme-2026');
    expect((await listTrust(dir)).publishers.acme).toMatchObject({
      tier: 'verified',
      keys: [{ id: first, publicKey: one.pem, notAfter: null }, { id: second }],
      removedKeys: [],
    });
    await removeTrust(dir, 'acme', first);
    expect((await listTrust(dir)).publishers.acme).toMatchObject({
      keys: [{ id: second }],
      removedKeys: [{ id: first }],
    });
    await removeTrust(dir, 'acme');
    expect((await listTrust(dir)).publishers.acme).toMatchObject({ keys: [] });
    await expect(removeTrust(dir, 'globex')).rejects.toMatchObject({ code: 'E_NOT_FOUND' });
  });

  it('loses none of many edits at once, a refused one among them', async () => {
    const dir = await newFolder();
    const names = Array.from({ length: 12 }, (_, i) => `publisher-${i}`);
    const edits = names.map((name) => addTrustedKey(dir, name, testKey().pem, 'community'));
    const bad = addTrustedKey(dir, 'acme', 'no key', 'community');
    await expect(bad).rejects.toMatchObject({ code: 'E_BAD_REQUEST' });
    await Promise.all(edits);
    expect(Object.keys((await listTrust(dir)).publishers).sort()).toEqual(names.sort());
  });

  it('refuses a file that is wrong and leaves it as it is', async () => {
    for (const text of ['{', '[]', '{"publishers":{"acme":{"tier":"all"}}}']) {
      const dir = await newFolder();
      await writeFiles(dir, { 'trust-policy.json': text });
      await expect(readTrustPolicy(dir)).rejects.toMatchObject({ code: 'E_CONFIG' });
      const adding = addTrustedKey(dir, 'acme', testKey().pem, 'community');
      await expect(adding).rejects.toMatchObject({ code: 'E_CONFIG' });
      expect(await readFile(join(dir, 'trust-policy.json'), 'utf8')).toBe(text);
    }
  });
});
