import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { signKeyless } from '../../../host/packaging/sign-keyless.ts';
import { trustPublisher, trustRevoker } from '../../../host/trust/policy-edit.ts';
import { acceptList, activeList } from '../../../kernel/trust/accept-list.ts';
import { parseTrustedRoot } from '../../../kernel/trust/certificate.ts';
import { madeBy } from '../../../kernel/trust/made-by.ts';
import { EMPTY_POLICY, type TrustPolicy } from '../../../kernel/trust/policy.ts';
import { verifyPackage } from '../../../kernel/trust/verify.ts';
import { ISSUER, identityToken, TestSigstore, WORKFLOW } from '../../support/sigstore.ts';
import { entry, listText } from './fixtures/lists.ts';
import { MANIFEST, packageArchive } from './fixtures/packages.ts';

const LISTS = 'https://github.com/globex/advisories/.github/workflows/list.yml@refs/heads/main';
const now = new Date();
const good = { issuedAt: now.toISOString(), nextUpdate: new Date(now.getTime() + 86_400_000).toISOString() };

describe('revocation without keys', () => {
  let sigstore: TestSigstore;
  let folder: string;
  let policy: TrustPolicy;
  beforeAll(async () => {
    [sigstore, folder] = await Promise.all([
      TestSigstore.start(),
      mkdtemp(join(tmpdir(), 'magflock-lists-')),
    ]);
    const root = { file: 'root.json', material: parseTrustedRoot(sigstore.trustedRoot) };
    const publisher = { publisher: 'acme', tier: 'verified', issuer: ISSUER, san: WORKFLOW, root } as const;
    const revoker = { revoker: 'security', issuer: ISSUER, san: LISTS, root };
    policy = trustRevoker(trustPublisher(EMPTY_POLICY, publisher), revoker);
  });
  afterAll(async () => {
    await sigstore[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });

  async function signed(content: Uint8Array, san: string) {
    const file = join(folder, 'content');
    await writeFile(file, content);
    const urls = { fulcioUrl: sigstore.url, rekorUrl: sigstore.url };
    const bundle = await signKeyless(file, { identityToken: identityToken(san), ...urls });
    return { bytes: content, bundle: await readFile(bundle, 'utf8') };
  }

  it('takes a list of the identity alone, and what an identity signed back', async () => {
    const thing = { kind: 'identity', issuer: ISSUER, san: WORKFLOW } as const;
    const list = await signed(Buffer.from(listText({ ...good, revoked: [entry(thing)] })), LISTS);
    const accepted = acceptList(list, policy, now);
    const revoker = policy.revokers.get('security');
    if (revoker === undefined) throw new Error('no issuer');
    const active = activeList(accepted, list, revoker, new Date(now.getTime() + 1_000));
    expect(active.trouble).toBeNull();

    const archive = await packageArchive(MANIFEST);
    const { bundle } = await signed(archive, WORKFLOW);
    const submission = { archive, bundle, now };
    expect((await verifyPackage({ ...submission, policy })).signedBy).toBe(WORKFLOW);
    await expect(
      verifyPackage({ ...submission, policy: { ...policy, lists: [active] } }),
    ).rejects.toMatchObject({
      code: 'E_SIG_REVOKED',
      message: expect.stringContaining(`identity ${WORKFLOW}`),
    });
    const signedBy = madeBy('acme/hello', async () => ({ archive, bundle }), policy);
    expect(await signedBy(thing)).toBe(true);
    expect(await signedBy({ ...thing, san: LISTS })).toBe(false);
  });

  it('refuses a list of another identity, changed ones, and one whose root is not there', async () => {
    const text = listText(good);
    const refused = expect.objectContaining({ code: 'E_REVOCATION_LIST' });
    const ours = await signed(Buffer.from(text), LISTS);
    const publishers = await signed(Buffer.from(text), WORKFLOW); // may sign packages, not lists
    const changed = { ...ours, bytes: Buffer.from(listText({ ...good, number: 2 })) };
    for (const list of [publishers, changed]) expect(() => acceptList(list, policy, now)).toThrow(refused);
    const without = trustRevoker(policy, {
      ...{ revoker: 'security', issuer: ISSUER, san: LISTS },
      root: { file: 'gone.json', material: null },
    });
    expect(() => acceptList(ours, without, now)).toThrow(refused);
    expect(acceptList(ours, policy, now).number).toBe(1);
  });
});
