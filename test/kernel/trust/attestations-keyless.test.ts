import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseTrustedRoot } from '../../../kernel/trust/certificate.ts';
import { parseTrustPolicy, type TrustPolicy } from '../../../kernel/trust/policy.ts';
import { PROVENANCE_TYPE } from '../../../kernel/trust/provenance.ts';
import { verifyPackage } from '../../../kernel/trust/verify.ts';
import { approveKeyless, attestKeyless } from '../../support/reviewer.ts';
import { ISSUER, TestSigstore } from '../../support/sigstore.ts';
import { BUILDER, provenanceOf, REPOSITORY } from './fixtures/bundles.ts';
import { MANIFEST, packageArchive, sign, testKey } from './fixtures/packages.ts';

const [ALICE, BOB] = ['https://people.example/alice', 'https://people.example/bob'];
const acme = testKey();
const archive = await packageArchive();
const other = await packageArchive({ ...MANIFEST, version: '1.0.1' });
const now = new Date();

describe('attestations signed without a key', () => {
  let sigstore: TestSigstore;
  let stranger: TestSigstore;
  let byAlice: string;
  let byBob: string;
  beforeAll(async () => {
    [sigstore, stranger] = await Promise.all([TestSigstore.start(), TestSigstore.start()]);
    byAlice = await approveKeyless(archive, sigstore, ALICE);
    byBob = await approveKeyless(archive, sigstore, BOB);
  });
  afterAll(async () => {
    await sigstore[Symbol.asyncDispose]();
    await stranger[Symbol.asyncDispose]();
  });

  const identity = (san: string, more: object = {}) => ({
    identities: [{ issuer: ISSUER, san, ...more }],
    trustedRoot: 'root.json',
  });
  const policyOf = (needs: object, reviewers: object = {}): TrustPolicy =>
    parseTrustPolicy(
      {
        publishers: {
          acme: {
            tier: 'verified',
            keys: [{ id: 'k', publicKey: acme.pem }],
            ...identity(BUILDER),
            ...needs,
          },
        },
        reviewers: { alice: identity(ALICE), bob: identity(BOB), ...reviewers },
      },
      new Map([['root.json', parseTrustedRoot(sigstore.trustedRoot)]]),
    );
  const refusal = (lines: readonly string[], policy = policyOf({ reviews: 2 }), at = now) =>
    verifyPackage({
      archive,
      bundle: sign(archive, acme),
      attestations: lines.join('\n'),
      policy,
      now: at,
    }).then(
      () => 'accepted',
      ({ code, message }) => `${code}: ${message}`,
    );
  const unlogged = (line: string) => {
    const json = JSON.parse(line);
    json.verificationMaterial.tlogEntries = [];
    return JSON.stringify(json);
  };

  it('count for the reviewers whose identities they are, long after the certificates expired', async () => {
    expect(await refusal([byAlice, byBob])).toBe('accepted');
    const later = new Date(now.getTime() + 365 * 86_400_000);
    expect(await refusal([byAlice, byBob], policyOf({ reviews: 2 }), later)).toBe('accepted');
  });

  it.each<[string, () => Promise<string[]>, RegExp]>([
    ['there are none', async () => [], /0 count\.$/],
    ['there is one of two', async () => [byAlice], /1 count\.$/],
    [
      'one identity signed twice',
      async () => [byAlice, await approveKeyless(archive, sigstore, ALICE)],
      /alice counts already/,
    ],
    [
      'the publisher signed one itself',
      async () => [byAlice, await approveKeyless(archive, sigstore, BUILDER)],
      /acme signed it itself/,
    ],
    [
      'one is about other bytes',
      async () => [byAlice, await approveKeyless(other, sigstore, BOB)],
      /about other bytes/,
    ],
    [
      'one is of an unknown identity',
      async () => [byAlice, await approveKeyless(archive, sigstore, `${BOB}by`)],
      /no reviewer of the trust policy/,
    ],
    [
      'one was certified by another authority',
      async () => [byAlice, await approveKeyless(archive, stranger, BOB)],
      /no reviewer of the trust policy/,
    ],
    ['one was never logged', async () => [byAlice, unlogged(byBob)], /no reviewer of the trust policy/],
  ])('do not count when %s', async (_what, lines, why) => {
    const said = await refusal(await lines());
    expect(said).toMatch(/^E_SIG_REVIEWS: /);
    expect(said).toMatch(why);
  });

  it('do not count when the identity has expired or was removed, or its root is not there', async () => {
    for (const [more, why] of [
      [{ notAfter: '2020-01-01T00:00:00Z' }, /bob expired/],
      [{ revokedAt: '2020-01-01T00:00:00Z' }, /bob was removed/],
    ] as const)
      expect(await refusal([byAlice, byBob], policyOf({ reviews: 2 }, { bob: identity(BOB, more) }))).toMatch(
        why,
      );
    const rootless = { bob: { ...identity(BOB), trustedRoot: 'gone.json' } };
    expect(await refusal([byAlice, byBob], policyOf({ reviews: 2 }, rootless))).toMatch(/^E_SIG_REVIEWS/);
  });

  it('are a provenance when the workflow that signs for the publisher made it', async () => {
    const needs = { provenance: { builder: BUILDER, sourceRepository: REPOSITORY } };
    const attest = (san: string, predicate: object, at = sigstore, bytes = archive) =>
      attestKeyless(bytes, at, san, { predicateType: PROVENANCE_TYPE, predicate });
    const codeOf = async (line: string) => refusal([line], policyOf(needs));
    expect(await codeOf(await attest(BUILDER, provenanceOf()))).toBe('accepted');
    expect(await codeOf(byAlice)).toMatch(/^E_SIG_PROVENANCE.*none counts\.$/);
    for (const [line, why] of [
      [await attest(ALICE, provenanceOf()), /nobody signed it who signs for acme/],
      [await attest(BUILDER, provenanceOf(), stranger), /nobody signed it who signs for acme/],
      [await attest(BUILDER, provenanceOf(), sigstore, other), /about other bytes/],
      [await attest(BUILDER, provenanceOf('https://builder.example')), /names the builder/],
      [await attest(BUILDER, provenanceOf(BUILDER, `${REPOSITORY}2`)), /names the source repository/],
    ] as const) {
      const said = await codeOf(line);
      expect(said).toMatch(/^E_SIG_PROVENANCE/);
      expect(said).toMatch(why);
    }
  });
});
