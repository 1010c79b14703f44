import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { generateKey, signPackage } from '../../../host/packaging/index.ts';
import { createTrustAdmin } from '../../../host/trust/trust-admin.ts';
import { Author } from '../../support/author.ts';
import { runMag } from '../../support/mag-in-process.ts';

const ACME = { publisher: 'acme', tier: 'verified' } as const;
const SOURCE = { manifest: { name: 'hello' }, code: 'export default {};' };

describe('extension:verify --explain', () => {
  let folder: string;
  let acme: Author;
  let globex: Author;
  let file: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'magflock-explain-'));
    [acme, globex] = await Promise.all([Author.create('acme'), Author.create('globex')]);
    await trusted('data').trustPublisher({ ...ACME, publicKey: acme.publicKey, id: 'acme-2026' });
    file = join(folder, 'hello.mag');
  });
  afterAll(async () => {
    await acme[Symbol.asyncDispose]();
    await globex[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  const trusted = (dataDir: string) => createTrustAdmin(join(folder, dataDir));

  async function explain(archive: Uint8Array, bundle: string | null, dataDir = 'data') {
    await rm(`${file}.sigstore.json`, { force: true });
    await writeFile(file, archive);
    if (bundle !== null) await writeFile(`${file}.sigstore.json`, bundle);
    const env = { MAG_DATA_DIR: join(folder, dataDir) };
    const run = (...more: string[]) =>
      runMag(['extension:verify', file, '--explain', ...more], { env, cwd: folder });
    const { exitCode, stdout } = await run('--output', 'json');
    return { exitCode, said: JSON.parse(stdout), text: (await run()).stdout };
  }

  it('says what was checked of a package that is accepted', async () => {
    const { archive, bundle } = await acme.publish(SOURCE);
    const { exitCode, said } = await explain(archive, bundle);
    expect(exitCode).toBe(0);
    expect(said).toMatchObject({
      package: 'says it is acme/hello 1.0.0',
      signature: expect.stringMatching(/^over the bytes, by a key that is called ./),
      madeFor: 'these bytes',
      publisher: 'acme: tier verified; key acme-2026',
      verdict: 'accepted',
      reason: 'signed by acme-2026, tier verified',
      remedy: '',
    });
  });

  it.each([
    ['no signature', 'E_SIG_MISSING', { madeFor: 'nothing' }],
    ['a bundle that is none', 'E_SIG_INVALID', { madeFor: 'nothing' }],
    [
      'the signature of other bytes',
      'E_SIG_SUBJECT',
      { madeFor: expect.stringContaining('other bytes: sha256:') },
    ],
    ['the signature of a stranger', 'E_SIG_IDENTITY', { madeFor: 'these bytes' }],
    ['a publisher nobody knows', 'E_SIG_UNTRUSTED', { publisher: 'globex: is not in the trust policy' }],
    ['bytes that are no package', 'E_SIG_INVALID', { package: expect.stringContaining('cannot be read') }],
  ])('says of %s why it is %s, and what to do', async (what, code, found) => {
    const good = await acme.publish(SOURCE);
    const other = await acme.publish({ ...SOURCE, code: 'export default { };' });
    const globexs = await globex.publish(SOURCE);
    const stranger = await globex.sign(good.archive);
    const cases: Record<string, [Uint8Array, string | null]> = {
      'no signature': [good.archive, null],
      'a bundle that is none': [good.archive, '{}'],
      'the signature of other bytes': [good.archive, other.bundle],
      'the signature of a stranger': [good.archive, stranger],
      'a publisher nobody knows': [globexs.archive, globexs.bundle],
      'bytes that are no package': [good.archive.subarray(0, 100), good.bundle],
    };
    const [archive, bundle] = cases[what] ?? [new Uint8Array(), null];
    const { exitCode, said, text } = await explain(archive, bundle);
    expect([exitCode, said]).toMatchObject([1, { verdict: code, error: { code }, ...found }]);
    expect(said.remedy).not.toBe('');
    expect(text).toContain('what to do');
  });

  it('says when a key was removed', async () => {
    const { privateKey, publicKey } = await generateKey(join(folder, 'old'));
    const trust = trusted('other');
    await trust.trustPublisher({ ...ACME, publicKey: await readFile(publicKey, 'utf8'), id: 'old' });
    await trust.trustPublisher({ ...ACME, publicKey: acme.publicKey, id: 'new' });
    await trust.removePublisher('acme', 'old');
    const { archive } = await acme.publish(SOURCE);
    await writeFile(join(folder, 'signed.mag'), archive);
    const bundle = await readFile(await signPackage(join(folder, 'signed.mag'), privateKey), 'utf8');
    const { said } = await explain(archive, bundle, 'other');
    expect(said.verdict).toBe('E_SIG_REVOKED');
    expect(said.publisher).toMatch(/key old \(removed \d{4}-.*\); key new$/);
  });
});
