import { describe, expect, it } from 'vitest';
import { removeReviewer, trustReviewer } from '../../../host/trust/policy-edit.ts';
import { MAX_ATTESTATION_LINES, mergeAttestations } from '../../../kernel/trust/attestation-file.ts';
import { examineAttestations } from '../../../kernel/trust/attestations.ts';
import { parseTrustPolicy, type TrustPolicy } from '../../../kernel/trust/policy.ts';
import { verifyPackage } from '../../../kernel/trust/verify.ts';
import {
  BUILDER,
  certificateBundle,
  provenanceLine,
  provenanceOf,
  REPOSITORY,
  reviewLine,
  reviewOf,
  statementBundle,
} from './fixtures/bundles.ts';
import { MANIFEST, NOW, packageArchive, sign, testKey } from './fixtures/packages.ts';

const [acme, alice, bob, stranger] = [testKey(), testKey(), testKey(), testKey()];
const archive = await packageArchive();
const other = await packageArchive({ ...MANIFEST, version: '1.0.1' });
const bundle = sign(archive, acme);

interface PolicyGiven {
  readonly reviews?: number;
  readonly provenance?: object;
  readonly reviewers?: object;
}

const keyOf = (key: { pem: string }, id: string, more: object = {}) => ({ id, publicKey: key.pem, ...more });
const REVIEWERS = {
  alice: { keys: [keyOf(alice, 'alice-1')] },
  bob: { keys: [keyOf(bob, 'bob-1', { notAfter: '2027-01-01T00:00:00Z' })] },
};
const policyOf = ({ reviewers = REVIEWERS, ...needs }: PolicyGiven): TrustPolicy =>
  parseTrustPolicy({
    publishers: { acme: { tier: 'verified', keys: [keyOf(acme, 'acme-1')], ...needs } },
    reviewers,
  });
const TWO = policyOf({ reviews: 2 });
const BUILT = policyOf({ provenance: { builder: BUILDER, sourceRepository: REPOSITORY } });

const file = (...lines: string[]) => lines.map((line) => `${line}\n`).join('');
const verify = (attestations: string | null, policy = TWO, now = NOW) =>
  verifyPackage({ archive, bundle, attestations, policy, now });
const refusal = (...args: Parameters<typeof verify>) =>
  verify(...args).then(
    () => 'accepted',
    ({ code, message }) => `${code}: ${message}`,
  );
const [byAlice, byBob] = [reviewLine(archive, alice), reviewLine(archive, bob)];

describe('required reviews', () => {
  it('are met by as many reviewers, in any order, among other lines', async () => {
    expect(await refusal(file(byAlice, byBob))).toBe('accepted');
    const provenance = provenanceLine(archive, acme);
    expect(await refusal(`\n${file(byBob, 'garbage', provenance, '', byAlice)}`)).toBe('accepted');
    expect(await refusal(file(byAlice, byBob).replaceAll('\n', '\r\n'))).toBe('accepted');
    expect((await verify(file(byAlice, byBob))).attestations).toBe(file(byAlice, byBob));
  });

  it('are not asked for unless the policy does, and then still have limits', async () => {
    expect(await refusal(null, policyOf({}))).toBe('accepted');
    expect(await refusal('garbage', policyOf({}))).toBe('accepted');
    const long = file(...Array.from({ length: MAX_ATTESTATION_LINES + 1 }, (_, i) => `{"line":${i}}`));
    const large = 'x'.repeat(1_048_577);
    for (const policy of [policyOf({}), TWO])
      for (const text of [long, large]) expect(await refusal(text, policy)).toMatch(/^E_SIG_INVALID: /);
  });

  const refused: [what: string, attestations: string | null, why: RegExp][] = [
    ['none came', null, /need 2 reviews; 0 count\.$/],
    ['nothing is in the file', '\n\n', /0 count\.$/],
    ['there is one of two', byAlice, /1 count\.$/],
    [
      'one reviewer signed twice',
      file(byAlice, reviewLine(archive, alice, { note: 2 })),
      /alice counts already/,
    ],
    ['the publisher signed one itself', file(byAlice, reviewLine(archive, acme)), /acme signed it itself/],
    ['one is about other bytes', file(byAlice, reviewLine(other, bob)), /line 2: it is about other bytes/],
    ['one is of a stranger', file(byAlice, reviewLine(archive, stranger)), /no reviewer of the trust policy/],
    ['a line is garbage', file(byAlice, '{"mediaType":'), /line 2: it is no signed in-toto statement/],
    ['a line is no statement', file(byAlice, sign(archive, bob)), /no signed in-toto statement/],
    ['a line is certified by nobody', file(byAlice, certificateBundle(archive, bob)), /no signed/],
    [
      'one is of another type',
      file(
        byAlice,
        statementBundle([archive], bob, { predicateType: 'https://x.example', predicate: reviewOf() }),
      ),
      /neither a review nor/,
    ],
    [
      'one does not approve',
      file(byAlice, reviewLine(archive, bob, { verdict: 'rejected' })),
      /does not approve/,
    ],
    ['one names no report', file(byAlice, reviewLine(archive, bob, { report: {} })), /names no report/],
    [
      'one approves a report that fails',
      file(
        byAlice,
        reviewLine(archive, bob, { report: { digest: { sha256: 'a'.repeat(64) }, verdict: 'fail' } }),
      ),
      /does not pass/,
    ],
    ['one does not say when', file(byAlice, reviewLine(archive, bob, { approvedAt: 'soon' })), /say when/],
  ];
  it.each(refused)('are not met when %s', async (_what, attestations, why) => {
    const said = await refusal(attestations);
    expect(said).toMatch(/^E_SIG_REVIEWS: /);
    expect(said).toMatch(why);
  });

  it('are not met by what was changed after it was signed', async () => {
    const json = JSON.parse(reviewLine(archive, bob, { verdict: 'rejected' }));
    json.dsseEnvelope.payload = JSON.parse(byBob).dsseEnvelope.payload;
    expect(await refusal(file(byAlice, JSON.stringify(json)))).toMatch(/E_SIG_REVIEWS.*does not hold/);
  });

  it('are not met by a key that has expired or was removed', async () => {
    const late = new Date('2027-01-01T00:00:00Z');
    expect(await refusal(file(byAlice, byBob), TWO, late)).toMatch(/E_SIG_REVIEWS.*bob-1 expired on 2027/);
    for (const named of ['alice-1', undefined]) {
      const removed = removeReviewer(TWO, 'alice', NOW, named);
      expect(await refusal(file(byAlice, byBob), removed)).toMatch(/E_SIG_REVIEWS.*alice-1 was removed/);
      const again = trustReviewer(removed, { reviewer: 'alice', publicKey: alice.pem });
      expect(await refusal(file(byAlice, byBob), again)).toBe('accepted');
    }
  });

  it('count a key once, whoever has it, and a reviewer once, with all keys', async () => {
    const shared = policyOf({
      reviews: 2,
      reviewers: { ...REVIEWERS, carol: { keys: [keyOf(alice, 'c')] } },
    });
    expect(await refusal(file(byAlice, reviewLine(archive, alice, { note: 2 })), shared)).toMatch(
      /E_SIG_REVIEWS/,
    );
    const both = { alice: { keys: [keyOf(alice, 'one'), keyOf(bob, 'two')] } };
    expect(await refusal(file(byAlice, byBob), policyOf({ reviews: 2, reviewers: both }))).toMatch(
      /E_SIG_REVIEWS.*alice counts already, for line 1/,
    );
  });

  it('are not met by a reviewer who signs for the publisher too, with whichever key', async () => {
    const reviewers = { ...REVIEWERS, bob: { keys: [keyOf(bob, 'bob-1'), keyOf(acme, 'acme-too')] } };
    const policy = policyOf({ reviews: 2, reviewers });
    for (const key of [bob, acme])
      expect(await refusal(file(byAlice, reviewLine(archive, key)), policy)).toMatch(
        /E_SIG_REVIEWS.*signs for acme too/,
      );
  });

  it('are held against what is refused for its signature only after that', async () => {
    const submitted = { archive, bundle: sign(archive, stranger), attestations: null, policy: TWO, now: NOW };
    await expect(verifyPackage(submitted)).rejects.toMatchObject({ code: 'E_SIG_IDENTITY' });
  });

  it('never are the signature of a package, though the publisher may sign one', async () => {
    const review = reviewLine(archive, acme);
    const submitted = { archive, bundle: review, attestations: null, policy: policyOf({}), now: NOW };
    await expect(verifyPackage(submitted)).rejects.toMatchObject({ code: 'E_SIG_INVALID' });
  });
});

describe('a required provenance', () => {
  it('is met by the one that names builder and repository', async () => {
    expect(await refusal(provenanceLine(archive, acme), BUILT)).toBe('accepted');
    const wrong = provenanceLine(archive, acme, 'https://builder.example');
    expect(await refusal(file(wrong, provenanceLine(archive, acme)), BUILT)).toBe('accepted');
    const source = { buildDefinition: { externalParameters: { source: REPOSITORY } } };
    const gitlab = { ...source, runDetails: { builder: { id: BUILDER } } };
    expect(await refusal(statementBundle([archive], acme, { predicate: gitlab }), BUILT)).toBe('accepted');
  });

  const refused: [what: string, attestations: string | null, why: RegExp][] = [
    ['none came', null, /need a provenance; none counts\.$/],
    ['it names another builder', provenanceLine(archive, acme, `${BUILDER}/`), /names the builder "https/],
    [
      'it names another repository',
      provenanceLine(archive, acme, BUILDER, 'https://github.com/evil/ext'),
      /names the source repository "https:\/\/github.com\/evil/,
    ],
    ['it names neither', statementBundle([archive], acme), /names the builder nowhere/],
    ['it is about other bytes', provenanceLine(other, acme), /about other bytes/],
    ['a reviewer signed it', provenanceLine(archive, alice), /nobody signed it who signs for acme/],
    ['a stranger signed it', provenanceLine(archive, stranger), /nobody signed it who signs for acme/],
    [
      'it is of another version of SLSA',
      statementBundle([archive], acme, {
        predicateType: 'https://slsa.dev/provenance/v0.2',
        predicate: provenanceOf(),
      }),
      /neither a review nor/,
    ],
    ['only reviews came', file(byAlice, byBob), /none counts\.$/],
  ];
  it.each(refused)('is not met when %s', async (_what, attestations, why) => {
    const said = await refusal(attestations, BUILT);
    expect(said).toMatch(/^E_SIG_PROVENANCE: /);
    expect(said).toMatch(why);
  });

  it('is asked for beside reviews', async () => {
    const both = policyOf({ reviews: 1, provenance: { builder: BUILDER, sourceRepository: REPOSITORY } });
    const provenance = provenanceLine(archive, acme);
    expect(await refusal(file(byAlice, provenance), both)).toBe('accepted');
    expect(await refusal(provenance, both)).toMatch(/^E_SIG_REVIEWS/);
    expect(await refusal(byAlice, both)).toMatch(/^E_SIG_PROVENANCE/);
  });
});

describe('examineAttestations', () => {
  it('says of each line what it is, whose, and why it does not count', async () => {
    const digest = (await verify(file(byAlice, byBob))).digest.slice('sha256:'.length);
    const attestations = `${byAlice}\n\nx\n${provenanceLine(archive, acme)}\n${reviewLine(other, bob)}`;
    expect(examineAttestations({ attestations, digest, publisher: 'acme', policy: BUILT, now: NOW })).toEqual(
      [
        { line: 1, kind: 'review', by: 'alice', problem: null },
        { line: 3, kind: 'unknown', by: null, problem: 'it is no signed in-toto statement' },
        { line: 4, kind: 'provenance', by: 'acme-1', problem: null },
        { line: 5, kind: 'review', by: null, problem: 'it is about other bytes' },
      ],
    );
  });
});

describe('mergeAttestations', () => {
  it('has each line once, and drops the oldest of too many', () => {
    expect(mergeAttestations('b\n', 'a\nb\n')).toBe('b\na\n');
    expect(mergeAttestations('', 'a')).toBe('a\n');
    expect(mergeAttestations('', '')).toBe('');
    const full = Array.from({ length: MAX_ATTESTATION_LINES }, (_, i) => `old ${i}`).join('\n');
    const merged = mergeAttestations('new', full).trim().split('\n');
    expect([merged.length, merged[0], merged.at(-1)]).toEqual([MAX_ATTESTATION_LINES, 'new', 'old 30']);
    const large = 'x'.repeat(1_000_000);
    expect(mergeAttestations('y'.repeat(100_000), large)).toBe(`${'y'.repeat(100_000)}\n`);
  });
});
