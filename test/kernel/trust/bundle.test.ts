import { describe, expect, it } from 'vitest';
import { loadContents, loadPackage, verifyAny, verifyPackage } from '../../../kernel/trust/verify.ts';
import { NOW, packageArchive, policyOf, sign, testKey } from './fixtures/packages.ts';

const acme = testKey();
const policy = policyOf({ acme: [{ key: acme }] });
const BUNDLE = { kind: 'bundle', id: 'acme/pack', version: '1.0.0', extensions: { 'acme/hello': '^1.0.0' } };
const noCode = { 'dist/index.js': undefined };

const submission = async (manifest: object = BUNDLE, more: Record<string, string | undefined> = noCode) => {
  const archive = await packageArchive(manifest, more);
  return { archive, bundle: sign(archive, acme), policy, now: NOW };
};

describe('the package of a bundle', () => {
  it('is verified like one of an extension, and says who signed it', async () => {
    const verified = await verifyAny(await submission());
    expect(verified).toMatchObject({ publisher: 'acme', signedBy: 'acme-key', manifest: BUNDLE });
    const { archive, digest } = verified;
    expect((await loadContents(archive, digest)).manifest).toEqual(verified.manifest);
    await expect(loadContents(archive, `sha256:${'0'.repeat(64)}`)).rejects.toMatchObject({
      code: 'E_PKG_INVALID',
    });
  });

  it('is no code that could be run', async () => {
    const submitted = await submission();
    const { digest } = await verifyAny(submitted);
    const refused = { code: 'E_PKG_INVALID', message: expect.stringContaining('is a bundle') };
    await expect(verifyPackage(submitted)).rejects.toMatchObject(refused);
    await expect(loadPackage(submitted.archive, digest)).rejects.toMatchObject(refused);
  });

  it.each(['dist/index.js', 'migrations/0001_a.up.sql', 'ui/index.html'])('holds no %s', async (name) => {
    const submitted = await submission(BUNDLE, { ...noCode, [name]: 'x' });
    await expect(verifyAny(submitted)).rejects.toMatchObject({ code: 'E_PKG_INVALID' });
  });

  it('may hold texts for people', async () => {
    const submitted = await submission(BUNDLE, { ...noCode, 'README.md': '# Pack', LICENSE: 'MIT' });
    expect((await verifyAny(submitted)).files.size).toBe(3);
  });

  it('is refused when another publisher signed it, or for what this host does not offer', async () => {
    const foreign = await submission({ ...BUNDLE, id: 'globex/pack' });
    await expect(verifyAny(foreign)).rejects.toMatchObject({ code: 'E_SIG_UNTRUSTED' });
    const paid = await submission({ ...BUNDLE, requires: { license: 'pro' } });
    await expect(verifyAny(paid)).rejects.toMatchObject({ code: 'E_UNSUPPORTED' });
  });
});
