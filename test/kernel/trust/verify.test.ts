import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { removePublisher, trustPublisher } from '../../../host/trust/policy-edit.ts';
import { EMPTY_POLICY, parseTrustPolicy, type TrustPolicy } from '../../../kernel/trust/policy.ts';
import { loadPackage, type Package, type Verified, verifyPackage } from '../../../kernel/trust/verify.ts';
import { rawArchive } from './fixtures/archives.ts';
import { certificateBundle, statementBundle } from './fixtures/bundles.ts';
import { MANIFEST, NOW, packageArchive, policyOf, sign, testKey } from './fixtures/packages.ts';

const acme = testKey();
const other = testKey();
const policy = policyOf({ acme: [{ key: acme }] });
const archive = await packageArchive();
const second = await packageArchive({ ...MANIFEST, version: '1.0.1' });

function verify(
  bytes: Uint8Array,
  bundle: string | null,
  by: TrustPolicy = policy,
): Promise<Verified<Package>> {
  return verifyPackage({ archive: bytes, bundle, policy: by, now: NOW });
}

interface BundleJson {
  mediaType: string;
  verificationMaterial: object;
  messageSignature: object;
  dsseEnvelope: object;
}

/** The bundle with something in it changed. */
function changed(bundle: string, change: (json: BundleJson) => void): string {
  const json = JSON.parse(bundle);
  change(json);
  return JSON.stringify(json);
}

describe('verifyPackage', () => {
  it('says what was verified, and who signed it', async () => {
    const bundle = sign(archive, acme);
    const verified = await verify(archive, bundle);
    expect(verified).toMatchObject({
      manifest: { id: 'acme/hello', version: '1.0.0' },
      digest: `sha256:${createHash('sha256').update(archive).digest('hex')}`,
      publisher: 'acme',
      tier: 'verified',
      signedBy: 'acme-key',
      code: 'export default {};',
      archive,
      bundle,
    });
  });

  it('tries every key of the publisher, whatever the hint in the bundle says', async () => {
    const two = policyOf({
      acme: [
        { key: other, id: 'old' },
        { key: acme, id: 'new' },
      ],
    });
    const misled = changed(sign(archive, acme), (json) => {
      Object.assign(json.verificationMaterial, { publicKey: { hint: 'old' } });
    });
    expect((await verify(archive, misled, two)).signedBy).toBe('new');
  });

  it.each([
    ['null', null],
    ['nothing', ''],
    ['blank', ' \n'],
  ])('refuses %s for a bundle', async (_what, bundle) => {
    await expect(verify(archive, bundle)).rejects.toMatchObject({ code: 'E_SIG_MISSING' });
  });

  it.each([
    ['no JSON', '{'],
    ['null', 'null'],
    ['an empty object', '{}'],
    ['another media type', changed(sign(archive, acme), (json) => Object.assign(json, { mediaType: 'x' }))],
    [
      'an older bundle format',
      changed(sign(archive, acme), (json) =>
        Object.assign(json, { mediaType: 'application/vnd.dev.sigstore.bundle+json;version=0.2' }),
      ),
    ],
    ['too much', ' '.repeat(2_000_000).concat('{}')],
    [
      'a digest of another kind',
      changed(sign(archive, acme), (json) => {
        const digest = createHash('sha512').update(archive).digest('base64');
        Object.assign(json.messageSignature, { messageDigest: { algorithm: 'SHA2_512', digest } });
      }),
    ],
  ])('refuses a bundle that is %s', async (_what, bundle) => {
    await expect(verify(archive, bundle)).rejects.toMatchObject({ code: 'E_SIG_INVALID' });
  });

  it('refuses a signature that was changed', async () => {
    const bundle = changed(sign(archive, acme), (json) => {
      Object.assign(json.messageSignature, { signature: Buffer.alloc(70, 7).toString('base64') });
    });
    await expect(verify(archive, bundle)).rejects.toMatchObject({ code: 'E_SIG_INVALID' });
  });

  it('refuses a good signature in a bundle that names another digest', async () => {
    const bundle = changed(sign(archive, acme), (json) => {
      const digest = createHash('sha256').update(second).digest('base64');
      Object.assign(json.messageSignature, { messageDigest: { algorithm: 'SHA2_256', digest } });
    });
    await expect(verify(archive, bundle)).rejects.toMatchObject({ code: 'E_SIG_INVALID' });
  });

  it('refuses a package with one byte changed, wherever it is', async () => {
    const bundle = sign(archive, acme);
    for (let at = 0; at < archive.byteLength; at += 1) {
      const tampered = Uint8Array.from(archive);
      tampered[at] = (tampered[at] ?? 0) ^ 1;
      // Bytes that do not matter to gzip leave a whole package, which is then just another one.
      const code = expect.stringMatching(/^E_SIG_(INVALID|SUBJECT)$/);
      await expect(verify(tampered, bundle)).rejects.toMatchObject({ code });
    }
  });

  it('refuses the signature of another package', async () => {
    await expect(verify(second, sign(archive, acme))).rejects.toMatchObject({ code: 'E_SIG_SUBJECT' });
  });

  it('refuses a publisher that is not in the policy, whatever the signature', async () => {
    for (const none of [EMPTY_POLICY, policyOf({ globex: [{ key: acme }] })]) {
      await expect(verify(archive, sign(archive, acme), none)).rejects.toMatchObject({
        code: 'E_SIG_UNTRUSTED',
      });
      await expect(verify(second, sign(archive, acme), none)).rejects.toMatchObject({
        code: 'E_SIG_UNTRUSTED',
      });
    }
    const inherited = await packageArchive({ ...MANIFEST, id: 'constructor/hello' });
    await expect(verify(inherited, sign(inherited, acme))).rejects.toMatchObject({ code: 'E_SIG_UNTRUSTED' });
  });

  it('refuses a key that nobody trusts, and the key of another publisher', async () => {
    const both = policyOf({ acme: [{ key: acme }], globex: [{ key: other }] });
    await expect(verify(archive, sign(archive, other))).rejects.toMatchObject({ code: 'E_SIG_IDENTITY' });
    await expect(verify(archive, sign(archive, other), both)).rejects.toMatchObject({
      code: 'E_SIG_IDENTITY',
    });
  });

  it('refuses an expired key from the moment it ends', async () => {
    const until = (notAfter: string) => policyOf({ acme: [{ key: acme, notAfter }] });
    const bundle = sign(archive, acme);
    expect((await verify(archive, bundle, until('2026-11-21T12:00:00.001Z'))).publisher).toBe('acme');
    for (const end of ['2026-11-21T12:00:00Z', '2020-01-01T00:00:00Z']) {
      await expect(verify(archive, bundle, until(end))).rejects.toMatchObject({ code: 'E_SIG_REVOKED' });
    }
  });

  it('refuses a removed key, and with it what was installed; trusting it again lifts that', async () => {
    const bundle = sign(archive, acme);
    const add = { publisher: 'acme', publicKey: acme.pem, tier: 'verified' } as const;
    const added = trustPublisher(EMPTY_POLICY, { ...add, id: 'k' });
    const { signedBy } = await verify(archive, bundle, added);
    for (const keyId of [signedBy, undefined]) {
      const removed = removePublisher(added, 'acme', NOW, keyId);
      await expect(verify(archive, bundle, removed)).rejects.toMatchObject({ code: 'E_SIG_REVOKED' });
      expect((await verify(archive, bundle, trustPublisher(removed, add))).signedBy).toBe('k');
    }
  });

  it('no longer knows a publisher whose keys are all removed', async () => {
    const removed = removePublisher(policy, 'acme', NOW);
    const bundle = sign(archive, other);
    await expect(verify(archive, bundle, removed)).rejects.toMatchObject({ code: 'E_SIG_UNTRUSTED' });
  });

  it('reports what is wrong with a package only after its signature', async () => {
    const missing = await packageArchive({
      ...MANIFEST,
      contributes: { hooks: [{ hook: 'magds.before_query' }] },
    });
    await expect(verify(missing, sign(missing, acme))).rejects.toMatchObject({ code: 'E_UNSUPPORTED' });
    await expect(verify(missing, sign(missing, other))).rejects.toMatchObject({ code: 'E_SIG_IDENTITY' });
    const empty = await packageArchive({ ...MANIFEST, displayName: '' });
    await expect(verify(empty, sign(empty, acme))).rejects.toMatchObject({ code: 'E_MANIFEST_INVALID' });
  });

  it('refuses a signed archive that is no package', async () => {
    const evil = await rawArchive([
      { name: 'manifest.json', content: JSON.stringify(MANIFEST) },
      { name: '../../evil', content: 'x' },
    ]);
    await expect(verify(evil, sign(evil, acme))).rejects.toMatchObject({ code: 'E_PKG_INVALID' });
    await expect(verify(evil, null)).rejects.toMatchObject({ code: 'E_SIG_MISSING' });
  });
});

describe('verifyPackage with a statement', () => {
  it('takes one that names the package among its subjects', async () => {
    const bundle = statementBundle([second, archive], acme);
    expect((await verify(archive, bundle)).signedBy).toBe('acme-key');
  });

  it('refuses one about other bytes', async () => {
    for (const bundle of [statementBundle([second], acme), statementBundle([], acme)]) {
      await expect(verify(archive, bundle)).rejects.toMatchObject({ code: 'E_SIG_SUBJECT' });
    }
  });

  it('refuses a good one by another key', async () => {
    await expect(verify(archive, statementBundle([archive], other))).rejects.toMatchObject({
      code: 'E_SIG_IDENTITY',
    });
  });

  it('refuses one that was changed to name the package', async () => {
    const bundle = changed(statementBundle([second], acme), (json) => {
      const forged = JSON.parse(statementBundle([archive], other));
      Object.assign(json.dsseEnvelope, { payload: forged.dsseEnvelope.payload });
    });
    await expect(verify(archive, bundle)).rejects.toMatchObject({ code: 'E_SIG_INVALID' });
  });

  it('refuses an envelope that holds something else', async () => {
    for (const options of [
      { payloadType: 'text/plain' },
      { _type: 'https://example.com' },
      { payload: 'x' },
    ]) {
      const bundle = statementBundle([archive], acme, options);
      await expect(verify(archive, bundle)).rejects.toMatchObject({ code: 'E_SIG_INVALID' });
    }
  });
});

describe('verifyPackage with a certificate', () => {
  it('refuses it: this host verifies publishers by key', async () => {
    const bundle = certificateBundle(archive, acme);
    const identities = [{ issuer: 'https://issuer.example', san: 'a@example.com' }];
    const keyless = parseTrustPolicy({ publishers: { acme: { tier: 'verified', identities } } });
    await expect(verify(archive, bundle)).rejects.toMatchObject({ code: 'E_SIG_IDENTITY' });
    await expect(verify(archive, bundle, keyless)).rejects.toMatchObject({ code: 'E_SIG_IDENTITY' });
    await expect(verify(archive, bundle, EMPTY_POLICY)).rejects.toMatchObject({ code: 'E_SIG_UNTRUSTED' });
  });
});

describe('loadPackage', () => {
  it('loads the bytes that were verified and no others', async () => {
    const { digest } = await verify(archive, sign(archive, acme));
    expect((await loadPackage(archive, digest)).manifest.version).toBe('1.0.0');
    await expect(loadPackage(second, digest)).rejects.toMatchObject({ code: 'E_PKG_INVALID' });
    await expect(loadPackage(archive, digest.slice(7))).rejects.toMatchObject({ code: 'E_PKG_INVALID' });
  });
});

describe('Verified', () => {
  it('cannot be made by anybody else', async () => {
    const install = (from: Verified<Package>) => from.digest;
    const verified = await verify(archive, sign(archive, acme));
    expect(install(verified)).toBe(verified.digest);
    const copy: Package = { ...verified };
    // @ts-expect-error a package alone is not a verified one
    expect(install(copy)).toBe(verified.digest);
    const loaded = await loadPackage(archive, verified.digest);
    // @ts-expect-error nor is what was merely read
    expect(install(loaded)).toBe(verified.digest);
  });
});
