import { appendFile, copyFile, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { freePort } from '../../../host/free-ports.ts';
import { BUILDER, provenanceLine, REPOSITORY } from '../../kernel/trust/fixtures/bundles.ts';
import { testKey } from '../../kernel/trust/fixtures/packages.ts';
import { Author, type SignedPackage } from '../../support/author.ts';
import { runMag } from '../../support/mag-in-process.ts';
import { Reviewer, reportOn } from '../../support/reviewer.ts';
import { ISSUER, identityToken, TestSigstore } from '../../support/sigstore.ts';
import { type Folder, temporaryFolder } from './mag-process.ts';

const CAROL = 'https://people.example/carol';

let folder: Folder;
let acme: Author;
let alice: Reviewer;
let bob: Reviewer;
let sigstore: TestSigstore;
let hello: SignedPackage;
let env: Record<string, string>;
beforeAll(async () => {
  folder = await temporaryFolder();
  [acme, alice, bob, sigstore] = await Promise.all([
    Author.create('acme'),
    Reviewer.create(),
    Reviewer.create(),
    TestSigstore.start(),
  ]);
  hello = await acme.publish({ manifest: { name: 'hello' }, code: 'export default {};' });
  env = { MAG_DATA_DIR: join(folder.path, 'data'), MAG_PORT: String(await freePort()) };
  await writeFile(at('acme.pub'), acme.publicKey);
  await writeFile(at('alice.pub'), alice.publicKey);
  await writeFile(at('bob.pub'), bob.publicKey);
  await writeFile(at('root.json'), JSON.stringify(sigstore.trustedRoot));
  await done('trust:add', 'acme', '--key', 'acme.pub', '--tier', 'verified');
});
afterAll(async () => {
  for (const one of [folder, acme, alice, bob, sigstore]) await one[Symbol.asyncDispose]();
});
beforeEach(async () => {
  await rm(at('hello.mag.intoto.jsonl'), { force: true });
  await writeFile(at('hello.mag'), hello.archive);
  await writeFile(at('hello.mag.sigstore.json'), hello.bundle);
  await writeFile(at('report.json'), reportOn(hello.archive));
});

const at = (name: string) => join(folder.path, name);
const run = (...args: string[]) => runMag(args, { env, cwd: folder.path });
const done = async (...args: string[]) => {
  const { exitCode, stdout, stderr } = await run(...args);
  expect([exitCode, exitCode === 0 ? '' : stderr]).toEqual([0, '']);
  return stdout;
};
const attest = (key: string, ...more: string[]) =>
  run('extension:attest', 'hello.mag', '--report', 'report.json', '--key', key, ...more);
const lines = async () => (await readFile(at('hello.mag.intoto.jsonl'), 'utf8')).trim().split('\n');
const explain = async () =>
  JSON.parse((await run('extension:verify', 'hello.mag', '--explain', '--output', 'json')).stdout);

describe('extension:attest', () => {
  it('signs the report into the file beside the package, once for each reviewer', async () => {
    const { exitCode, stdout } = await attest(alice.keyFile);
    expect([exitCode, stdout.trim()]).toEqual([0, at('hello.mag.intoto.jsonl')]);
    await attest(bob.keyFile);
    await appendFile(at('hello.mag.intoto.jsonl'), 'not of ours\n');
    const again = JSON.parse((await attest(alice.keyFile, '--output', 'json')).stdout);
    expect(again).toMatchObject({ replaced: true, report: { verdict: 'pass' } });
    expect(await lines()).toEqual([expect.any(String), 'not of ours', expect.any(String)]);
    const { payload } = JSON.parse((await lines())[2] ?? '').dsseEnvelope;
    expect(JSON.parse(Buffer.from(payload, 'base64').toString())).toMatchObject({
      _type: 'https://in-toto.io/Statement/v1',
      subject: [{ name: 'hello.mag' }],
      predicateType: 'https://magflock.dev/attestations/review/v1',
      predicate: { verdict: 'approved', reviewer: { keyId: expect.stringMatching(/^[0-9a-f]{16}$/) } },
    });
  });

  it('tells who vouches for what was left to a person', async () => {
    await writeFile(at('report.json'), reportOn(hello.archive, 'person'));
    expect((await attest(alice.keyFile)).stdout).toContain('you vouch');
  });

  it.each([
    ['a report that fails', () => reportOn(hello.archive, 'fail')],
    ['the report of another package', () => reportOn(Buffer.from('other'))],
    ['what is no report', () => '{}'],
    ['what is no JSON', () => 'x'],
  ])('refuses %s, and signs nothing', async (_what, report) => {
    await writeFile(at('report.json'), report());
    const { exitCode, stderr } = await attest(alice.keyFile);
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining('E_BAD_REQUEST')]);
    await expect(lines()).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('refuses a file that no host would take, and leaves it', async () => {
    const full = Array.from({ length: 32 }, (_, i) => `line ${i}`).join('\n');
    await writeFile(at('hello.mag.intoto.jsonl'), full);
    expect((await attest(alice.keyFile)).stderr).toContain('E_SIG_INVALID');
    expect(await readFile(at('hello.mag.intoto.jsonl'), 'utf8')).toBe(full);
  });

  it('needs a key or --keyless, and one that can be read', async () => {
    expect((await run('extension:attest', 'hello.mag', '--report', 'report.json')).exitCode).toBe(2);
    expect((await attest('acme.pub')).stderr).toContain('E_BAD_REQUEST');
    expect((await attest('nowhere.key')).stderr).toContain('E_BAD_REQUEST');
  });
});

describe('trust:require', () => {
  it('asks for reviews and provenance, until it asks no more', async () => {
    expect((await explain()).needs).toBe('nothing but its signature');
    await done('trust:add-reviewer', 'alice', '--key', 'alice.pub');
    await done('trust:add-reviewer', 'bob', '--key', 'bob.pub', '--until', '2099-01-01T00:00:00Z');
    const carol = ['--issuer', ISSUER, '--san', CAROL, '--trusted-root', 'root.json'];
    await done('trust:add-reviewer', 'carol', ...carol);
    await done('trust:require', 'acme', '--reviews', '3');
    await done('trust:require', 'acme', '--builder', BUILDER, '--source-repository', REPOSITORY);
    const listed = await done('trust:list');
    expect(listed).toMatch(/REVIEWER.*\nalice .*\nbob .* 2099-01-01.*\ncarol +https:\/\/people/);
    expect(listed).toContain(`acme needs 3 reviews; provenance of ${BUILDER}, built from ${REPOSITORY}`);

    expect(await explain()).toMatchObject({ verdict: 'E_SIG_REVIEWS', attestations: [] });
    await attest(alice.keyFile);
    await attest(bob.keyFile);
    const urls = ['--fulcio-url', sigstore.url, '--rekor-url', sigstore.url];
    const token = ['--identity-token', identityToken(CAROL)];
    const keyless = [
      'extension:attest',
      'hello.mag',
      '--report',
      'report.json',
      '--keyless',
      ...token,
      ...urls,
    ];
    await done(...keyless);
    expect(await done(...keyless)).toContain('an earlier review of yours is replaced');
    await appendFile(at('hello.mag.intoto.jsonl'), 'garbage\n');
    const missing = await explain();
    expect(missing).toMatchObject({
      verdict: 'E_SIG_PROVENANCE',
      attestations: [
        'line 1: review by alice: counts',
        'line 2: review by bob: counts',
        'line 3: review by carol: counts',
        'line 4: attestation: does not count, it is no signed in-toto statement',
      ],
    });
    expect(missing.remedy).not.toBe('');
    const verified = await run('extension:verify', 'hello.mag');
    expect([verified.exitCode, verified.stderr]).toEqual([1, expect.stringContaining('E_SIG_PROVENANCE')]);

    await done('trust:require', 'acme', '--no-provenance');
    expect((await explain()).verdict).toBe('accepted');
    expect((await run('extension:verify', 'hello.mag')).exitCode).toBe(0);
    await done('trust:remove-reviewer', 'carol', '--identity', CAROL);
    const removed = await explain();
    expect(removed.verdict).toBe('E_SIG_REVIEWS');
    expect(removed.attestations[2]).toMatch(/carol: does not count, of the reviewer carol, .* was removed/);
    await done('trust:require', 'acme', '--reviews', '0');
    expect((await explain()).needs).toBe('nothing but its signature');
  });

  it('says what in a command line is wrong', async () => {
    for (const args of [
      ['trust:require', 'acme'],
      ['trust:require', 'acme', '--reviews', 'two'],
      ['trust:require', 'acme', '--builder', BUILDER],
      ['trust:require', 'acme', '--no-provenance', '--builder', BUILDER, '--source-repository', REPOSITORY],
      ['trust:add-reviewer', 'dora'],
    ])
      expect((await run(...args)).exitCode).toBe(2);
    expect((await run('trust:require', 'globex', '--reviews', '1')).stderr).toContain('E_NOT_FOUND');
    expect((await run('trust:remove-reviewer', 'dora')).stderr).toContain('E_NOT_FOUND');
    const rootless = ['trust:add-reviewer', 'dora', '--issuer', ISSUER, '--san', 'dora@example.com'];
    expect((await run(...rootless)).stderr).toContain('E_BAD_REQUEST');
  });
});

describe('a provenance in the file', () => {
  it('is explained with what it names instead', async () => {
    const key = testKey();
    await writeFile(at('hello.mag.intoto.jsonl'), provenanceLine(hello.archive, key));
    const policy = {
      publishers: {
        acme: {
          tier: 'verified',
          keys: [
            { id: 'a', publicKey: acme.publicKey },
            { id: 'ci', publicKey: key.pem },
          ],
          provenance: { builder: BUILDER, sourceRepository: `${REPOSITORY}-fork` },
        },
      },
    };
    await writeFile(at('policy.json'), JSON.stringify(policy));
    const { exitCode, stdout } = await run(
      'extension:verify',
      'hello.mag',
      '--explain',
      '--policy',
      'policy.json',
    );
    expect(exitCode).toBe(1);
    expect(stdout).toContain(`line 1: provenance by ci: does not count, it names the source repository`);
    await copyFile(at('hello.mag.sigstore.json'), at('hello.mag.intoto.jsonl'));
    expect((await explain()).attestations).toEqual([expect.stringContaining('no signed in-toto statement')]);
  });
});
