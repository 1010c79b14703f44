import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { removeRevoker } from '../../../host/trust/policy-edit.ts';
import { acceptList, activeList } from '../../../kernel/trust/accept-list.ts';
import { madeBy } from '../../../kernel/trust/made-by.ts';
import { parseTrustPolicy, type TrustPolicy } from '../../../kernel/trust/policy.ts';
import { fingerprint, parsePublicKey } from '../../../kernel/trust/public-key.ts';
import { MAX_LIST_BYTES, readRevocationList } from '../../../kernel/trust/revocation-list.ts';
import { verifyAny, verifyPackage } from '../../../kernel/trust/verify.ts';
import { statementBundle } from './fixtures/bundles.ts';
import { entry, listText, signedList } from './fixtures/lists.ts';
import { MANIFEST, NOW, packageArchive, sign, testKey } from './fixtures/packages.ts';

const [acme, issuer, stranger] = [testKey(), testKey(), testKey()];
const archive = await packageArchive({ ...MANIFEST, version: '1.2.0-rc.1' });
const bundle = sign(archive, acme);
const digest = createHash('sha256').update(archive).digest('hex');
const markOf = (pem: string) => fingerprint(parsePublicKey(pem));

/** `revoker`: further members of the issuer of lists. */
function policyWith(revoker: object = {}, key: object = {}): TrustPolicy {
  return parseTrustPolicy({
    publishers: { acme: { tier: 'verified', keys: [{ id: 'a', publicKey: acme.pem, ...key }] } },
    revocations: { security: { keys: [{ id: 's', publicKey: issuer.pem }], ...revoker } },
  });
}

function withList(revoked: object[], revoker: object = {}, now = NOW): TrustPolicy {
  const policy = policyWith(revoker);
  const signed = signedList(listText({ revoked }), issuer);
  const trusted = policy.revokers.get('security');
  if (trusted === undefined) throw new Error('no issuer');
  const list = readRevocationList(signed.bytes);
  return { ...policy, lists: [activeList(list, signed, trusted, now)] };
}

const codeWith = (policy: TrustPolicy, now = NOW) =>
  verifyPackage({ archive, bundle, policy, now }).then(
    () => 'accepted',
    ({ code }) => code,
  );

describe('a revocation list', () => {
  it.each<[string, object]>([
    ['the package', { kind: 'package', sha256: digest }],
    ['its version, a pre-release', { kind: 'version', id: 'acme/hello', versions: '<1.2.0' }],
    ['the key that signed it', { kind: 'key', fingerprint: markOf(acme.pem) }],
    ['its publisher', { kind: 'publisher', publisher: 'acme' }],
  ])('takes back %s', async (_what, thing) => {
    const policy = withList([entry({ kind: 'publisher', publisher: 'other' }), entry(thing)]);
    await expect(verifyPackage({ archive, bundle, policy, now: NOW })).rejects.toMatchObject({
      code: 'E_SIG_REVOKED',
      message: expect.stringMatching(
        /^acme\/hello 1\.2\.0-rc\.1 is revoked by list 1 of security \(.*: it leaks keys\)\.$/,
      ),
    });
    expect(await codeWith(withList([entry(thing)], { publishers: ['acme'] }))).toBe('E_SIG_REVOKED');
    // Not what its issuer may not speak of.
    expect(await codeWith(withList([entry(thing)], { publishers: ['other'] }))).toBe('accepted');
    expect(await codeWith(withList([entry(thing)], { publishers: [] }))).toBe('accepted');
  });

  it.each<[string, object]>([
    ['another package', { kind: 'package', sha256: '0'.repeat(64) }],
    ['other versions', { kind: 'version', id: 'acme/hello', versions: '>1.2.0' }],
    ['another extension', { kind: 'version', id: 'acme/other', versions: '*' }],
    ['another key', { kind: 'key', fingerprint: markOf(stranger.pem) }],
    ['an identity', { kind: 'identity', issuer: 'https://issuer.example', san: 'x' }],
    ['a publisher of a longer name', { kind: 'publisher', publisher: 'acme-inc' }],
  ])('leaves alone what it does not speak of: %s', async (_what, thing) => {
    expect(await codeWith(withList([entry(thing)]))).toBe('accepted');
  });

  it('takes a bundle of extensions back like one of them', async () => {
    const pack = { manifestVersion: 1, kind: 'bundle', id: 'acme/pack', version: '1.0.0' };
    const bytes = await packageArchive(
      { ...pack, extensions: { 'acme/hello': '^1.0.0' } },
      { 'dist/index.js': undefined },
    );
    const submission = { archive: bytes, bundle: sign(bytes, acme), now: NOW };
    const revoked = [entry({ kind: 'version', id: 'acme/pack', versions: '*' })];
    expect((await verifyAny({ ...submission, policy: withList([]) })).manifest.kind).toBe('bundle');
    await expect(verifyAny({ ...submission, policy: withList(revoked) })).rejects.toMatchObject({
      code: 'E_SIG_REVOKED',
    });
  });

  it('goes on revoking when it is overdue, and when its key is trusted no longer', async () => {
    const revoked = [entry({ kind: 'package', sha256: digest })];
    const later = new Date('2028-01-01T00:00:00Z');
    const cases = [
      [withList(revoked, {}, later), /renewed by 2027/],
      [
        withList(revoked, { keys: [{ id: 's', publicKey: issuer.pem, revokedAt: '2026-01-01' }] }),
        /was removed/,
      ],
      [withList(revoked, { keys: [{ id: 's', publicKey: issuer.pem, notAfter: '2026-01-01' }] }), /expired/],
      [withList(revoked, { keys: [{ id: 's', publicKey: stranger.pem }] }), /not signed by/],
    ] as const;
    for (const [policy, trouble] of cases) {
      expect(await codeWith(policy)).toBe('E_SIG_REVOKED');
      expect(policy.lists[0]?.trouble).toMatch(trouble);
    }
    expect(withList(revoked).lists[0]?.trouble).toBeNull();
  });

  it('finds what a key signed also where the key was removed', async () => {
    const policy = policyWith({}, { revokedAt: '2026-01-01' });
    const asked: string[] = [];
    const signedBy = madeBy(
      'acme/hello',
      async () => {
        asked.push('read');
        return { archive, bundle };
      },
      policy,
    );
    expect(await signedBy({ kind: 'key', fingerprint: markOf(stranger.pem) })).toBe(false);
    expect(asked).toEqual([]); // nobody read 20 MiB for a key that is none of the publisher's
    expect(await signedBy({ kind: 'key', fingerprint: markOf(acme.pem) })).toBe(true);
    const other = madeBy('acme/hello', async () => ({ archive: Buffer.from('x'), bundle }), policy);
    expect(await other({ kind: 'key', fingerprint: markOf(acme.pem) })).toBe(false);
  });
});

describe('acceptList', () => {
  const accept = (text: string, key = issuer, policy = policyWith(), now = NOW) =>
    acceptList(signedList(text, key), policy, now);
  const refused = expect.objectContaining({ code: 'E_REVOCATION_LIST' });

  it('takes a good one', () => {
    const revoked = [entry({ kind: 'package', sha256: digest })];
    expect(accept(listText({ number: 7, revoked }))).toMatchObject({
      issuer: 'security',
      number: 7,
      revoked,
    });
  });

  it.each<[string, string]>([
    ['no JSON', '{'],
    ['another version', listText({ listVersion: 2 })],
    ['an unknown member', listText({ extra: 1 })],
    ['no number', listText({ number: undefined })],
    ['a number of nothing', listText({ number: 0 })],
    ['half a number', listText({ number: 1.5 })],
    ['a number beyond counting', listText({ number: 2 ** 53 })],
    ['a time without a zone', listText({ nextUpdate: '2027-11-01T00:00:00' })],
    ['a time that is none', listText({ nextUpdate: '2027-13-01T00:00:00Z' })],
    ['an end before its beginning', listText({ nextUpdate: '2026-10-01T00:00:00Z' })],
    ['an issuer that cannot be one', listText({ issuer: '../x' })],
    ['an unknown kind', listText({ revoked: [entry({ kind: 'everything' })] })],
    [
      'an entry of two kinds',
      listText({ revoked: [entry({ kind: 'publisher', publisher: 'acme', sha256: digest })] }),
    ],
    [
      'an entry without a reason',
      listText({ revoked: [{ kind: 'publisher', publisher: 'acme', revokedAt: '2026-11-01T00:00:00Z' }] }),
    ],
    [
      'a range that is none',
      listText({ revoked: [entry({ kind: 'version', id: 'acme/hello', versions: 'old' })] }),
    ],
    [
      'a digest in another form',
      listText({ revoked: [entry({ kind: 'package', sha256: `sha256:${digest}` })] }),
    ],
    [
      'too many entries',
      listText({ revoked: Array(5_001).fill(entry({ kind: 'publisher', publisher: 'acme' })) }),
    ],
    ['more than it may be', listText({ revoked: [] }).padEnd(MAX_LIST_BYTES + 1, ' ')],
    ['an overdue list', listText({ nextUpdate: '2026-11-20T00:00:00Z' })],
    ['a list of somebody else', listText({ issuer: 'nobody' })],
  ])('refuses %s, however well it is signed', (_what, text) => {
    expect(() => accept(text)).toThrow(refused);
  });

  it('refuses what its issuer did not sign', () => {
    const text = listText();
    const good = signedList(text, issuer);
    const take =
      (bytes: Uint8Array, by: string | null, policy = policyWith()) =>
      () =>
        acceptList({ bytes, bundle: by }, policy, NOW);
    expect(() => accept(text, stranger)).toThrow(refused);
    expect(() => accept(text, acme)).toThrow(refused); // trusted, but with packages
    expect(take(good.bytes, null)).toThrow(refused);
    expect(take(good.bytes, '{}')).toThrow(refused);
    expect(take(Buffer.from(listText({ number: 2 })), good.bundle)).toThrow(refused);
    // A statement that names the digest of the list is none about it.
    const statement = statementBundle([good.bytes], issuer);
    expect(take(good.bytes, statement)).toThrow(refused);
    const removed = removeRevoker(policyWith(), 'security', NOW, 's');
    expect(take(good.bytes, good.bundle, removed)).toThrow(refused);
    expect(take(good.bytes, good.bundle, removeRevoker(removed, 'security', NOW))).toThrow(refused);
    const later = policyWith({ keys: [{ id: 's', publicKey: issuer.pem, notBefore: '2027-01-01' }] });
    expect(take(good.bytes, good.bundle, later)).toThrow(refused);
  });
});

describe('keys that take over from each other', () => {
  const next = testKey();
  const policy = parseTrustPolicy({
    publishers: {
      acme: {
        tier: 'verified',
        keys: [
          { id: 'old', publicKey: acme.pem, notAfter: '2027-02-01T00:00:00Z' },
          { id: 'new', publicKey: next.pem, notBefore: '2027-01-01T00:00:00Z' },
        ],
      },
    },
  });
  it.each([
    ['2026-12-31T23:59:59Z', 'accepted', 'E_SIG_IDENTITY'],
    ['2027-01-01T00:00:00Z', 'accepted', 'accepted'],
    ['2027-01-31T23:59:59Z', 'accepted', 'accepted'],
    ['2027-02-01T00:00:00Z', 'E_SIG_REVOKED', 'accepted'],
  ])('at %s the old one is %s and the new one %s', async (at, old, fresh) => {
    const verify = (by: string) =>
      verifyPackage({ archive, bundle: by, policy, now: new Date(at) }).then(
        () => 'accepted',
        ({ code }) => code,
      );
    expect([await verify(bundle), await verify(sign(archive, next))]).toEqual([old, fresh]);
  });
});

describe('the issuers of lists in a policy', () => {
  it.each<[string, unknown]>([
    ['a list of them', []],
    ['a name that cannot be one', { 'a b': { keys: [] } }],
    ['a tier', { security: { tier: 'verified' } }],
    ['publishers that are no list', { security: { publishers: 'acme' } }],
    ['a publisher that cannot be one', { security: { publishers: ['Acme'] } }],
    ['a date that is none', { security: { keys: [{ id: 's', publicKey: issuer.pem, notBefore: 'soon' }] } }],
  ])('are not %s', (_what, revocations) => {
    expect(() => parseTrustPolicy({ revocations })).toThrow(expect.objectContaining({ code: 'E_CONFIG' }));
  });
});
