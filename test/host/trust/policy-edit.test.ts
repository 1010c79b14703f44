import { describe, expect, it } from 'vitest';
import {
  removePublisher,
  removeReviewer,
  setRequirements,
  trustPublisher,
  trustReviewer,
} from '../../../host/trust/policy-edit.ts';
import { EMPTY_POLICY, parseTrustPolicy } from '../../../kernel/trust/policy.ts';
import { NOW, testKey } from '../../kernel/trust/fixtures/packages.ts';

const { pem } = testKey();
const key = { id: 'k', publicKey: pem };
const withEntry = (entry: unknown) => ({ publishers: { acme: entry } });
const withKeys = (...keys: unknown[]) => withEntry({ tier: 'verified', keys });
const root = { file: 'root.json', material: null };
const identity = { issuer: 'https://issuer.example', san: 'alice@example.com', root };
const alice = trustReviewer(EMPTY_POLICY, { reviewer: 'alice', publicKey: pem });

describe('trustPublisher', () => {
  it('names a key by its fingerprint and does not add it twice', () => {
    const add = { publisher: 'acme', publicKey: pem, tier: 'community' } as const;
    const once = trustPublisher(EMPTY_POLICY, add);
    const twice = trustPublisher(once, { ...add, tier: 'verified' });
    expect(once.publishers.get('acme')?.keys[0]?.id).toMatch(/^[0-9a-f]{16}$/);
    expect(twice.publishers.get('acme')).toEqual({ ...once.publishers.get('acme'), tier: 'verified' });
    expect(EMPTY_POLICY.publishers.size).toBe(0);
  });

  it('leaves the tier as it is for another key, unless another is named', () => {
    const before = trustPublisher(EMPTY_POLICY, { publisher: 'acme', publicKey: pem, tier: 'verified' });
    const next = trustPublisher(before, { publisher: 'acme', publicKey: testKey().pem });
    expect(next.publishers.get('acme')).toMatchObject({ tier: 'verified', keys: [{}, {}] });
    const unheardOf = trustPublisher(EMPTY_POLICY, { publisher: 'acme', publicKey: pem });
    expect(unheardOf.publishers.get('acme')?.tier).toBe('community');
  });

  it.each([
    ['a key that ends before it begins', { ...key, publisher: 'acme', notBefore: NOW, notAfter: NOW }],
    ['no publisher', { publisher: 'Acme', publicKey: pem }],
    ['no key', { publisher: 'acme', publicKey: 'x' }],
    ['the id of another key', { publisher: 'acme', publicKey: testKey().pem, id: 'k' }],
  ])('refuses %s', (_what, add) => {
    const policy = parseTrustPolicy(withKeys(key));
    expect(() => trustPublisher(policy, { ...add, tier: 'verified' })).toThrow(
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
    expect(removePublisher(keyless, 'acme', NOW).publishers.get('acme')?.identities[0]?.revokedAt).toEqual(
      NOW,
    );
    const nobody = parseTrustPolicy(withEntry({ tier: 'verified' }));
    expect(removePublisher(nobody, 'acme', NOW).publishers.size).toBe(0);
  });

  it('refuses what is not there', () => {
    const policy = parseTrustPolicy(withKeys(key));
    const missing = expect.objectContaining({ code: 'E_NOT_FOUND' });
    expect(() => removePublisher(policy, 'globex', NOW)).toThrow(missing);
    expect(() => removePublisher(policy, 'acme', NOW, 'other')).toThrow(missing);
  });
});

describe('trustReviewer', () => {
  it('adds it once, and again after it was removed', () => {
    expect(alice.reviewers.get('alice')?.keys).toMatchObject([{ publicKey: pem, revokedAt: null }]);
    expect(trustReviewer(alice, { reviewer: 'alice', publicKey: pem })).toEqual(alice);
    expect(trustReviewer(removeReviewer(alice, 'alice', NOW), { reviewer: 'alice', publicKey: pem })).toEqual(
      alice,
    );
    expect(EMPTY_POLICY.reviewers.size).toBe(0);
  });

  it('gives a key to one reviewer only, and to another when it was removed', () => {
    const again = { reviewer: 'bob', publicKey: pem };
    expect(() => trustReviewer(alice, again)).toThrow(expect.objectContaining({ code: 'E_BAD_REQUEST' }));
    const moved = trustReviewer(removeReviewer(alice, 'alice', NOW), again);
    expect(moved.reviewers.get('bob')?.keys).toHaveLength(1);
  });

  it.each([
    ['no name', { reviewer: '../alice', publicKey: pem }],
    ['no key', { reviewer: 'bob', publicKey: 'x' }],
  ])('refuses %s', (_what, key) => {
    expect(() => trustReviewer(alice, key)).toThrow(expect.objectContaining({ code: 'E_BAD_REQUEST' }));
  });

  it('adds an identity once, to one reviewer only', () => {
    const both = trustReviewer(alice, { reviewer: 'alice', ...identity });
    expect(both.reviewers.get('alice')).toMatchObject({
      keys: [{ publicKey: pem }],
      identities: [{ san: 'alice@example.com', revokedAt: null }],
      trustedRoot: root,
    });
    expect(trustReviewer(both, { reviewer: 'alice', ...identity })).toEqual(both);
    expect(() => trustReviewer(both, { reviewer: 'bob', ...identity })).toThrow(
      expect.objectContaining({ code: 'E_BAD_REQUEST' }),
    );
  });
});

describe('removeReviewer', () => {
  it('removes one signer or all, and drops who never had one', () => {
    const both = trustReviewer(alice, { reviewer: 'alice', ...identity });
    const one = removeReviewer(both, 'alice', NOW, 'alice@example.com').reviewers.get('alice');
    expect([one?.keys[0]?.revokedAt, one?.identities[0]?.revokedAt]).toEqual([null, NOW]);
    const all = removeReviewer(both, 'alice', NOW).reviewers.get('alice');
    expect([all?.keys[0]?.revokedAt, all?.identities[0]?.revokedAt]).toEqual([NOW, NOW]);
    const nobody = parseTrustPolicy({ reviewers: { carol: {} } });
    expect(removeReviewer(nobody, 'carol', NOW).reviewers.size).toBe(0);
    for (const [name, named] of [['bob'], ['alice', 'other']] as const)
      expect(() => removeReviewer(alice, name, NOW, named)).toThrow(
        expect.objectContaining({ code: 'E_NOT_FOUND' }),
      );
  });
});

describe('setRequirements', () => {
  const policy = trustPublisher(alice, { publisher: 'acme', publicKey: testKey().pem, tier: 'verified' });
  const provenance = { builder: 'b', sourceRepository: 's' };

  it('changes what is named and leaves the rest, other edits of the publisher included', () => {
    const reviews = setRequirements(policy, { publisher: 'acme', reviews: 2 });
    const both = setRequirements(reviews, { publisher: 'acme', provenance });
    expect(both.publishers.get('acme')).toMatchObject({ tier: 'verified', reviews: 2, provenance });
    expect(setRequirements(both, { publisher: 'acme', reviews: 2 })).toEqual(both);
    const lifted = setRequirements(both, { publisher: 'acme', provenance: null });
    expect(lifted.publishers.get('acme')).toMatchObject({ reviews: 2, provenance: null });
    const more = trustPublisher(both, { publisher: 'acme', publicKey: testKey().pem, tier: 'community' });
    expect(more.publishers.get('acme')).toMatchObject({ tier: 'community', reviews: 2, provenance });
    expect(more.reviewers).toEqual(alice.reviewers);
  });

  it('refuses what cannot be', () => {
    const refused = (code: string) => expect.objectContaining({ code });
    expect(() => setRequirements(policy, { publisher: 'globex', reviews: 1 })).toThrow(
      refused('E_NOT_FOUND'),
    );
    for (const reviews of [-1, 0.5, 17])
      expect(() => setRequirements(policy, { publisher: 'acme', reviews })).toThrow(refused('E_BAD_REQUEST'));
    const empty = { ...provenance, builder: '' };
    expect(() => setRequirements(policy, { publisher: 'acme', provenance: empty })).toThrow(
      refused('E_BAD_REQUEST'),
    );
  });
});
