import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HashAlgorithm } from '@sigstore/protobuf-specs';
import { TSAWitness } from '@sigstore/sign';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { signKeyless } from '../../../host/packaging/sign-keyless.ts';
import { removePublisher, trustPublisher } from '../../../host/trust/policy-edit.ts';
import { parseTrustedRoot } from '../../../kernel/trust/certificate.ts';
import {
  EMPTY_POLICY,
  type PinnedRoot,
  parseTrustPolicy,
  type TrustPolicy,
} from '../../../kernel/trust/policy.ts';
import { verifyPackage } from '../../../kernel/trust/verify.ts';
import { Author, type SignedPackage } from '../../support/author.ts';
import { ISSUER, identityToken, TestSigstore, WORKFLOW } from '../../support/sigstore.ts';
import { serving } from '../../support/sources.ts';

// biome-ignore lint/suspicious/noExplicitAny: the tests damage bundles anywhere
type AnyBundle = any;

describe('packages signed without a key', () => {
  let sigstore: TestSigstore;
  let globex: Author;
  let signed: SignedPackage;
  let folder: string;
  let bundle: string;
  const now = new Date();

  beforeAll(async () => {
    [sigstore, globex, folder] = await Promise.all([
      TestSigstore.start(),
      Author.create('globex'),
      mkdtemp(join(tmpdir(), 'magflock-keyless-')),
    ]);
    signed = await globex.publish({ manifest: serving('ext', []), code: 'export default {};' });
    bundle = await sign();
  });
  afterAll(async () => {
    await sigstore[Symbol.asyncDispose]();
    await globex[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });

  async function sign(options: { token?: string; at?: TestSigstore; archive?: Uint8Array } = {}) {
    const { token = identityToken(), at = sigstore, archive = signed.archive } = options;
    const file = join(folder, 'package.mag');
    await writeFile(file, archive);
    const urls = { fulcioUrl: at.url, rekorUrl: at.url };
    return readFile(await signKeyless(file, { identityToken: token, ...urls }), 'utf8');
  }

  const policy = (
    members: { issuer?: string; san?: string; notAfter?: Date; root?: PinnedRoot } = {},
  ): TrustPolicy =>
    trustPublisher(EMPTY_POLICY, {
      publisher: 'globex',
      tier: 'verified',
      issuer: ISSUER,
      san: WORKFLOW,
      root: { file: 'root.json', material: parseTrustedRoot(sigstore.trustedRoot) },
      ...members,
    });
  const verify = (text = bundle, trust = policy(), archive = signed.archive) =>
    verifyPackage({ archive, bundle: text, policy: trust, now });
  const refusal = (...args: Parameters<typeof verify>) =>
    verify(...args).then(
      () => 'accepted',
      ({ code }) => code,
    );
  const damaged = (change: (bundle: AnyBundle) => void) => {
    const copy = JSON.parse(bundle);
    change(copy);
    return JSON.stringify(copy);
  };

  it('are accepted of the identity that the publisher is trusted with, long after the certificate expired', async () => {
    const later = new Date(now.getTime() + 365 * 86_400_000);
    const { signedBy, tier } = await verifyPackage({
      archive: signed.archive,
      bundle,
      policy: policy(),
      now: later,
    });
    expect([signedBy, tier]).toEqual([WORKFLOW, 'verified']);
  });

  it.each([
    ['another workflow', { san: WORKFLOW.replace('main', 'other') }],
    ['an expression that would match', { san: '.*' }],
    ['the beginning of it', { san: WORKFLOW.slice(0, -1) }],
    ['another issuer', { issuer: 'https://issuer.example' }],
  ])('are refused when %s is trusted', async (_what, members) => {
    expect(await refusal(bundle, policy(members))).toBe('E_SIG_IDENTITY');
  });

  it('are refused from a publisher nobody trusts, or trusts by key only', async () => {
    expect(await refusal(bundle, EMPTY_POLICY)).toBe('E_SIG_UNTRUSTED');
    const nobody = parseTrustPolicy({ publishers: { globex: { tier: 'verified' } } });
    expect(await refusal(bundle, nobody)).toBe('E_SIG_UNTRUSTED');
  });

  it('are refused when the identity was removed or has expired', async () => {
    expect(await refusal(bundle, policy({ notAfter: new Date(0) }))).toBe('E_SIG_REVOKED');
    const removed = removePublisher(policy(), 'globex', now, WORKFLOW);
    expect(await refusal(bundle, removed)).toBe('E_SIG_REVOKED');
    const stranger = removePublisher(policy({ san: 'https://github.com/globex/other' }), 'globex', now);
    expect(await refusal(bundle, stranger)).toBe('E_SIG_UNTRUSTED'); // nothing of it is trusted now
    const another = trustPublisher(removed, {
      publisher: 'globex',
      tier: 'verified',
      issuer: ISSUER,
      san: 'https://github.com/globex/other',
      root: { file: 'root.json', material: parseTrustedRoot(sigstore.trustedRoot) },
    });
    expect(await refusal(bundle, another)).toBe('E_SIG_REVOKED');
  });

  it('are refused over other bytes', async () => {
    const other = await globex.publish({ manifest: serving('ext2', []), code: 'export default {};' });
    expect(await refusal(bundle, policy(), other.archive)).toBe('E_SIG_SUBJECT');
  });

  it('are refused when the certificate leads to another authority', async () => {
    await using stranger = await TestSigstore.start();
    expect(await refusal(await sign({ at: stranger }))).toBe('E_SIG_INVALID');
  });

  it.each<[string, (bundle: AnyBundle) => void]>([
    ['the log entry is missing', (b) => (b.verificationMaterial.tlogEntries = [])],
    ['the log entry is of another time', (b) => (b.verificationMaterial.tlogEntries[0].integratedTime = '1')],
    ['the log entry is of another place', (b) => (b.verificationMaterial.tlogEntries[0].logIndex = '7')],
    [
      'the inclusion proof and promise are missing',
      (b) => {
        delete b.verificationMaterial.tlogEntries[0].inclusionProof;
        delete b.verificationMaterial.tlogEntries[0].inclusionPromise;
      },
    ],
    [
      'the body of the entry was changed',
      (b) => (b.verificationMaterial.tlogEntries[0].canonicalizedBody = 'e30='),
    ],
    ['the signature was changed', (b) => (b.messageSignature.signature = 'MEUCIQ==')],
    ['the certificate is none', (b) => (b.verificationMaterial.certificate.rawBytes = 'bm9uZQ==')],
  ])('are refused when %s', async (_what, change) => {
    expect(await refusal(damaged(change))).toBe('E_SIG_INVALID');
  });

  /** With the time of a timestamp authority beside the log entry. */
  async function stamped(at = sigstore): Promise<AnyBundle> {
    const copy = JSON.parse(bundle);
    const signature = Buffer.from(copy.messageSignature.signature, 'base64');
    const { rfc3161Timestamps } = await new TSAWitness({ tsaBaseURL: at.url }).testify({
      $case: 'messageSignature',
      messageSignature: {
        signature,
        messageDigest: { algorithm: HashAlgorithm.SHA2_256, digest: signature },
      },
    });
    const times = rfc3161Timestamps.map(({ signedTimestamp }) => signedTimestamp.toString('base64'));
    copy.verificationMaterial.timestampVerificationData = {
      rfc3161Timestamps: times.map((signedTimestamp) => ({ signedTimestamp })),
    };
    return copy;
  }

  it('have their time from the log or from a timestamp authority of the root, and never none', async () => {
    const entryOf = ({ verificationMaterial }: AnyBundle) => verificationMaterial.tlogEntries[0];
    // Without the promise an entry is in the log, and nobody says since when.
    expect(await refusal(damaged((copy) => delete entryOf(copy).inclusionPromise))).toBe('E_SIG_INVALID');
    const inTime = await stamped();
    delete entryOf(inTime).inclusionPromise;
    expect(await refusal(JSON.stringify(inTime))).toBe('accepted');
    await using stranger = await TestSigstore.start();
    expect(await refusal(JSON.stringify(await stamped(stranger)))).toBe('E_SIG_INVALID');
  });

  it('are in the log, whatever a timestamp authority says', async () => {
    const unlogged = await stamped();
    unlogged.verificationMaterial.tlogEntries = [];
    expect(await refusal(JSON.stringify(unlogged))).toBe('E_SIG_INVALID');
  });

  it('have a certificate that was logged when it was issued', async () => {
    await using silent = await TestSigstore.start(undefined, true);
    const rooted = ({ trustedRoot }: TestSigstore, change = {}) =>
      policy({ root: { file: 'root.json', material: parseTrustedRoot({ ...trustedRoot, ...change }) } });
    expect(await refusal(await sign({ at: silent }), rooted(silent))).toBe('E_SIG_INVALID');
    expect(await refusal(bundle, rooted(sigstore, { ctlogs: [] }))).toBe('E_SIG_INVALID');
    expect(await refusal(bundle, rooted(sigstore))).toBe('accepted');
  });

  it('say which file is missing when the root is not there', async () => {
    const trust = trustPublisher(EMPTY_POLICY, {
      publisher: 'globex',
      tier: 'verified',
      issuer: ISSUER,
      san: WORKFLOW,
      root: { file: 'globex-trusted-root.json', material: null },
    });
    await expect(verify(bundle, trust)).rejects.toMatchObject({
      code: 'E_CONFIG',
      message: expect.stringContaining('globex-trusted-root.json'),
    });
  });

  it.each([[{}], [null], ['text'], [{ certificateAuthorities: [], tlogs: [] }], [{ tlogs: 'no' }]])(
    'take no root out of %j',
    (json) => {
      expect(() => parseTrustedRoot(json)).toThrow(expect.objectContaining({ code: 'E_CONFIG' }));
    },
  );

  it('need an authority that answers', async () => {
    const file = join(folder, 'unsigned.mag');
    await writeFile(file, signed.archive);
    const nowhere = { fulcioUrl: 'http://127.0.0.1:1', rekorUrl: 'http://127.0.0.1:1' };
    await expect(signKeyless(file, { identityToken: identityToken(), ...nowhere })).rejects.toMatchObject({
      code: 'E_NET',
    });
  });
});
