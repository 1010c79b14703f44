import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { EMPTY_POLICY, parseTrustPolicy } from '../../../kernel/trust/policy.ts';
import { addKey, removePublisher } from '../../../kernel/trust/policy-edit.ts';
import { NOW, testKey } from './fixtures/packages.ts';

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
      keys: [{ ...key, notAfter: new Date('2027-12-31T00:00:00Z'), revokedAt: null }],
      identities: [],
      trustedRoot: null,
    });
    expect(policy.publishers.get('globex')).toMatchObject({
      identities: [identity],
      trustedRoot: 'globex-trusted-root.json',
    });
  });

  it.each<[string, unknown]>([
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

describe('addKey', () => {
  it('names a key by its fingerprint and does not add it twice', () => {
    const add = { publisher: 'acme', publicKey: pem, tier: 'community' } as const;
    const once = addKey(EMPTY_POLICY, add);
    const twice = addKey(once, { ...add, tier: 'verified' });
    expect(once.publishers.get('acme')?.keys[0]?.id).toMatch(/^[0-9a-f]{16}$/);
    expect(twice.publishers.get('acme')).toEqual({ ...once.publishers.get('acme'), tier: 'verified' });
    expect(EMPTY_POLICY.publishers.size).toBe(0);
  });

  it.each([
    ['no publisher', { publisher: 'Acme', publicKey: pem }],
    ['no key', { publisher: 'acme', publicKey: 'x' }],
    ['the id of another key', { publisher: 'acme', publicKey: testKey().pem, id: 'k' }],
  ])('refuses %s', (_what, add) => {
    const policy = parseTrustPolicy(withKeys(key));
    expect(() => addKey(policy, { ...add, tier: 'verified' })).toThrow(
      expect.objectContaining({ code: 'E_BAD_REQUEST' }),
    );
  });
});

describe('removePublisher', () => {
  it('keeps when a key was removed first, and drops who never had one', () => {
    const later = new Date(NOW.getTime() + 1000);
    const removed = removePublisher(parseTrustPolicy(withKeys(key)), 'acme', NOW);
    const again = removePublisher(removed, 'acme', later, 'k');
    expect(again.publishers.get('acme')?.keys[0]?.revokedAt).toEqual(NOW);
    const keyless = parseTrustPolicy(
      withEntry({ tier: 'verified', identities: [{ issuer: 'i', san: 's' }] }),
    );
    expect(removePublisher(keyless, 'acme', NOW).publishers.size).toBe(0);
  });

  it('refuses what is not there', () => {
    const policy = parseTrustPolicy(withKeys(key));
    const missing = expect.objectContaining({ code: 'E_NOT_FOUND' });
    expect(() => removePublisher(policy, 'globex', NOW)).toThrow(missing);
    expect(() => removePublisher(policy, 'acme', NOW, 'other')).toThrow(missing);
  });
});
