import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readIndex } from '../../../host/registries/index-format.ts';
import { publish } from '../../../host/registries/publish.ts';
import { reviewLine } from '../../kernel/trust/fixtures/bundles.ts';
import { testKey } from '../../kernel/trust/fixtures/packages.ts';
import { Author, type SignedPackage } from '../../support/author.ts';

let author: Author;
let folder: string;
let hello: SignedPackage;
let other: SignedPackage;
const code = 'export default {};';
beforeAll(async () => {
  author = await Author.create('acme');
  hello = await author.publish({ manifest: { name: 'hello' }, code });
  other = await author.publish({ manifest: { name: 'hello' }, code: 'export default { };' });
});
afterAll(() => author[Symbol.asyncDispose]());
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'magflock-publish-'));
  return () => rm(folder, { recursive: true, force: true });
});

const put = (signed: SignedPackage) => publish(folder, signed);
const listed = async () => readIndex(await readFile(join(folder, 'index.json')));

describe('publish', () => {
  it('puts package and signature where their id and version say, and lists them', async () => {
    const { entry, again } = await put(hello);
    expect(again).toBe(false);
    expect(await readFile(join(folder, 'acme/hello/1.0.0.mag'))).toEqual(Buffer.from(hello.archive));
    expect(await readFile(join(folder, 'acme/hello/1.0.0.mag.sigstore.json'), 'utf8')).toBe(hello.bundle);
    expect((await listed()).get('acme/hello')).toEqual([entry]);
    expect((await readdir(folder)).sort()).toEqual(['acme', 'index.json']);
  });

  it('does the same again for the same bytes', async () => {
    await put(hello);
    const before = await readFile(join(folder, 'index.json'));
    expect((await put(hello)).again).toBe(true);
    expect(await readFile(join(folder, 'index.json'))).toEqual(before);
  });

  it('puts attestations beside it and says so, each once, and keeps those that are there', async () => {
    const key = testKey();
    const [one, two] = [reviewLine(hello.archive, key), reviewLine(hello.archive, testKey())];
    await put({ ...hello, attestations: one });
    const { entry, again } = await put({ ...hello, attestations: `${two}\n${one}\n` });
    expect([again, entry.attestations]).toEqual([true, true]);
    expect((await put(hello)).entry).toEqual(entry);
    expect((await listed()).get('acme/hello')).toEqual([entry]);
    const file = join(folder, 'acme/hello/1.0.0.mag.intoto.jsonl');
    expect(await readFile(file, 'utf8')).toBe(`${two}\n${one}\n`);
  });

  it.each([
    ['about another package', () => reviewLine(other.archive, testKey()), 'E_SIG_SUBJECT'],
    ['that are none', () => 'garbage', 'E_SIG_INVALID'],
    ['that are no statements', () => hello.bundle, 'E_SIG_INVALID'],
    ['that are too many', () => 'x\n'.repeat(33), 'E_SIG_INVALID'],
  ])('refuses attestations %s, and makes nothing', async (_what, attestations, refusal) => {
    await expect(put({ ...hello, attestations: attestations() })).rejects.toMatchObject({ code: refusal });
    expect(await readdir(folder)).toEqual([]);
  });

  it('refuses a version that is there with another content', async () => {
    await put(hello);
    await expect(put(other)).rejects.toMatchObject({ code: 'E_PKG_EQUIVOCATION' });
    expect(await readFile(join(folder, 'acme/hello/1.0.0.mag'))).toEqual(Buffer.from(hello.archive));
    expect((await readdir(folder)).sort()).toEqual(['acme', 'index.json']);
  });

  it.each([
    ['without a signature', () => publish(folder, { ...hello, bundle: null }), 'E_SIG_MISSING'],
    ['with one of other bytes', () => publish(folder, { ...hello, bundle: other.bundle }), 'E_SIG_SUBJECT'],
    ['with one that is none', () => publish(folder, { ...hello, bundle: '{}' }), 'E_SIG_INVALID'],
    ['that is none', () => publish(folder, { ...hello, archive: Buffer.from('x') }), 'E_PKG_INVALID'],
  ])('refuses a package %s, and makes nothing', async (_what, act, refusal) => {
    await expect(act()).rejects.toMatchObject({ code: refusal });
    expect(await readdir(folder)).toEqual([]);
  });

  it('loses no entry when many publish at once', async () => {
    const versions = Array.from({ length: 8 }, (_, at) => `1.${at}.0`);
    const packages = await Promise.all(
      versions.map((version) => author.publish({ manifest: { name: 'many', version }, code })),
    );
    await Promise.all(packages.map(put));
    const found = (await listed()).get('acme/many')?.map(({ version }) => version);
    expect(found?.toSorted()).toEqual(versions);
    expect((await readdir(folder)).sort()).toEqual(['acme', 'index.json']);
  });

  it('waits for another publisher, and says which file one has left', async () => {
    await writeFile(join(folder, 'index.json.lock'), '');
    const late = publish(folder, hello, 50);
    await expect(late).rejects.toMatchObject({
      code: 'E_BUSY',
      message: expect.stringContaining('index.json.lock'),
    });
    const waiting = publish(folder, hello, 20_000);
    await rm(join(folder, 'index.json.lock'));
    expect((await waiting).again).toBe(false);
  });

  it('leaves an index alone that it cannot read', async () => {
    await writeFile(join(folder, 'index.json'), '{"formatVersion":2}');
    await expect(put(hello)).rejects.toMatchObject({ code: 'E_REGISTRY_INDEX' });
    expect(await readdir(folder)).toEqual(['index.json']);
  });
});
