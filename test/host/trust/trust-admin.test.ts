import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readTrustPolicy, writeTrustPolicy } from '../../../host/trust/policy-file.ts';
import { createTrustAdmin } from '../../../host/trust/trust-admin.ts';
import { parseTrustPolicy } from '../../../kernel/trust/policy.ts';
import { testKey } from '../../kernel/trust/fixtures/packages.ts';
import { temporaryFolders, writeFiles } from '../packaging/fixtures/temporary-folder.ts';

const newFolder = temporaryFolders();

describe('the trust policy in the data folder', () => {
  it('trusts nobody while there is none', async () => {
    const dir = await newFolder();
    expect((await readTrustPolicy(dir)).publishers.size).toBe(0);
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
        globex: {
          tier: 'community',
          identities: [{ issuer: 'i', san: 's' }],
          trustedRoot: 'root.json',
          reviews: 2,
          provenance: { builder: 'b', sourceRepository: 's' },
        },
      },
      reviewers: {
        alice: { keys: [{ id: 'c', publicKey: testKey().pem, notAfter: '2027-12-31T00:00:00Z' }] },
        bob: { identities: [{ issuer: 'i', san: 'b' }], trustedRoot: 'bob.reviewer-trusted-root.json' },
      },
    });
    await writeTrustPolicy(join(dir, 'data'), policy);
    expect(await readTrustPolicy(join(dir, 'data'))).toEqual(policy);
    expect(await readdir(join(dir, 'data'))).toEqual(['trust-policy.json']);
  });

  it('adds and removes', async () => {
    const dir = await newFolder();
    const trust = createTrustAdmin(dir);
    const [one, two] = [testKey(), testKey()];
    await trust.trustPublisher({ publisher: 'acme', publicKey: one.pem, tier: 'community' });
    await trust.trustPublisher({ publisher: 'acme', publicKey: two.pem, tier: 'verified', id: 'acme-2026' });
    const acme = async () => (await readTrustPolicy(dir)).publishers.get('acme');
    const first = (await acme())?.keys[0]?.id;
    expect(await acme()).toMatchObject({
      tier: 'verified',
      keys: [
        { id: first, publicKey: one.pem, notAfter: null, revokedAt: null },
        { id: 'acme-2026', revokedAt: null },
      ],
    });
    await trust.removePublisher('acme', first);
    expect((await acme())?.keys).toMatchObject([{ revokedAt: expect.any(Date) }, { revokedAt: null }]);
    await trust.removePublisher('acme');
    expect((await acme())?.keys).toMatchObject([{}, { revokedAt: expect.any(Date) }]);
    await expect(trust.removePublisher('globex')).rejects.toMatchObject({ code: 'E_NOT_FOUND' });
  });

  it('takes no identity without a root, and no root that is none', async () => {
    const dir = await newFolder();
    const trust = createTrustAdmin(dir);
    const identity = { issuer: 'https://issuer.example', san: 'alice@example.com' };
    for (const trustedRoot of [undefined, { certificateAuthorities: 1 }]) {
      const given = { ...identity, trustedRoot };
      for (const refused of [
        () => trust.trustPublisher({ publisher: 'acme', tier: 'community', ...given }),
        () => trust.trustReviewer({ reviewer: 'alice', ...given }),
        () => trust.trustRevoker({ revoker: 'security', ...given }),
        () => trust.trustReviewer({ reviewer: '../alice', ...given }),
      ])
        await expect(refused()).rejects.toMatchObject({ code: 'E_BAD_REQUEST' });
    }
    expect(await readdir(dir)).toEqual([]);
  });

  it('loses none of many edits at once, a refused one among them', async () => {
    const dir = await newFolder();
    const trust = createTrustAdmin(dir);
    const names = Array.from({ length: 12 }, (_, i) => `publisher-${i}`);
    const add = (publisher: string, publicKey: string) =>
      trust.trustPublisher({ publisher, publicKey, tier: 'community' });
    const edits = names.map((name) => add(name, testKey().pem));
    await expect(add('acme', 'no key')).rejects.toMatchObject({ code: 'E_BAD_REQUEST' });
    await Promise.all(edits);
    expect([...(await trust.policy()).publishers.keys()].sort()).toEqual(names.sort());
  });

  it('refuses a file that is wrong and leaves it as it is', async () => {
    for (const text of ['{', '[]', '{"publishers":{"acme":{"tier":"all"}}}']) {
      const dir = await newFolder();
      await writeFiles(dir, { 'trust-policy.json': text });
      await expect(readTrustPolicy(dir)).rejects.toMatchObject({ code: 'E_CONFIG' });
      const adding = createTrustAdmin(dir).trustPublisher({
        publisher: 'acme',
        publicKey: testKey().pem,
        tier: 'community',
      });
      await expect(adding).rejects.toMatchObject({ code: 'E_CONFIG' });
      expect(await readFile(join(dir, 'trust-policy.json'), 'utf8')).toBe(text);
    }
  });
});
