import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { parseTrustPolicy } from '../../../kernel/trust/policy.ts';
import { testKey } from './fixtures/packages.ts';

const { pem, privateKey } = testKey();
const key = { id: 'k', publicKey: pem };
const withEntry = (entry: unknown) => ({ publishers: { acme: entry } });
const withKeys = (...keys: unknown[]) => withEntry({ tier: 'verified', keys });

const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey;
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey;

describe('parseTrustPolicy', () => {
  it('reads the policy of the specification', () => {
    const identity = { issuer: 'https://issuer.example', san: 'https://example.com/release.yml' };
    const policy = parseTrustPolicy({
      publishers: {
        acme: { tier: 'verified', keys: [{ ...key, notAfter: '2027-12-31T00:00:00Z' }] },
        globex: { tier: 'community', identities: [identity], trustedRoot: 'globex-trusted-root.json' },
      },
    });
    expect(policy.publishers.get('acme')).toEqual({
      tier: 'verified',
      keys: [{ ...key, notBefore: null, notAfter: new Date('2027-12-31T00:00:00Z'), revokedAt: null }],
      identities: [],
      trustedRoot: null,
      reviews: 0,
      provenance: null,
    });
    expect(policy.publishers.get('globex')).toMatchObject({
      identities: [{ ...identity, notBefore: null, notAfter: null, revokedAt: null }],
      trustedRoot: { file: 'globex-trusted-root.json', material: null },
    });
  });

  it('reads reviewers, and what packages need beside their signature', () => {
    const provenance = { builder: 'https://builder.example', sourceRepository: 'https://github.com/acme/x' };
    const policy = parseTrustPolicy({
      publishers: { acme: { tier: 'verified', keys: [key], reviews: 2, provenance } },
      reviewers: { alice: { keys: [key] }, bob: { identities: [{ issuer: 'i', san: 's' }] } },
    });
    expect(policy.publishers.get('acme')).toMatchObject({ reviews: 2, provenance });
    expect([...policy.reviewers.keys()]).toEqual(['alice', 'bob']);
    expect(policy.reviewers.get('bob')).toMatchObject({ keys: [], identities: [{ san: 's' }] });
  });

  it.each<[string, unknown]>([
    ['reviewers that are a list', { reviewers: [] }],
    ['a reviewer that cannot be one', { reviewers: { 'A b': {} } }],
    ['a reviewer with a tier', { reviewers: { alice: { tier: 'verified' } } }],
    ['a reviewer with a key that is none', { reviewers: { alice: { keys: [{ id: 'a', publicKey: 'x' }] } } }],
    ['a number of reviews that is none', withEntry({ tier: 'verified', reviews: '2' })],
    ['a negative number of reviews', withEntry({ tier: 'verified', reviews: -1 })],
    ['half a review', withEntry({ tier: 'verified', reviews: 1.5 })],
    ['more reviews than anybody needs', withEntry({ tier: 'verified', reviews: 17 })],
    ['a provenance without a repository', withEntry({ tier: 'verified', provenance: { builder: 'b' } })],
    [
      'a provenance with a misspelt member',
      withEntry({ tier: 'verified', provenance: { builder: 'b', sourceRepository: 's', builders: [] } }),
    ],
    ['null', null],
    ['a list', []],
    ['an unknown member', { publisher: {} }],
    ['a publisher that cannot be one', { publishers: { 'Acme!': { tier: 'verified' } } }],
    ['a name of the language', JSON.parse('{"publishers":{"__proto__":{"tier":"verified"}}}')],
    ['no tier', withEntry({ keys: [] })],
    ['an unknown tier', withEntry({ tier: 'constructor' })],
    ['a misspelt member', withEntry({ tier: 'verified', key: [] })],
    ['keys that are no list', withEntry({ tier: 'verified', keys: {} })],
    ['a key without an id', withKeys({ publicKey: pem })],
    ['an id twice', withKeys(key, { ...key, publicKey: testKey().pem })],
    ['a date that is none', withKeys({ ...key, notAfter: 'soon' })],
    ['a misspelt date', withKeys({ ...key, notafter: '2020-01-01' })],
    ['no key', withKeys({ ...key, publicKey: 'x' })],
    ['a private key', withKeys({ ...key, publicKey: privateKey.export({ type: 'pkcs8', format: 'pem' }) })],
    ['a key on another curve', withKeys({ ...key, publicKey: p384.export({ type: 'spki', format: 'pem' }) })],
    ['a key of another kind', withKeys({ ...key, publicKey: rsa.export({ type: 'spki', format: 'pem' }) })],
    ['an identity without an issuer', withEntry({ tier: 'verified', identities: [{ san: 'x' }] })],
    ['a root elsewhere', withEntry({ tier: 'verified', trustedRoot: '../../etc/passwd' })],
  ])('refuses %s', (_what, json) => {
    expect(() => parseTrustPolicy(json)).toThrow(expect.objectContaining({ code: 'E_CONFIG' }));
  });
});
