import { readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Database, openDatabase } from '../../../host/storage/database.ts';
import { PROVENANCE_TYPE } from '../../../kernel/trust/provenance.ts';
import { BUILDER, provenanceOf, REPOSITORY } from '../../kernel/trust/fixtures/bundles.ts';
import { Author, type SignedPackage } from '../../support/author.ts';
import { TestHost } from '../../support/host.ts';
import { TestRegistry } from '../../support/registry.ts';
import { approveKeyless, attestKeyless, Reviewer } from '../../support/reviewer.ts';
import { ISSUER, TestSigstore } from '../../support/sigstore.ts';
import { serving } from '../../support/sources.ts';
import { mag } from '../cli/mag-process.ts';

const BOB = 'https://people.example/bob';
const code = `export default { endpoints: { 'GET /v': async () => ({ body: 'v' }) } };`;

let host: TestHost;
let sigstore: TestSigstore;
let author: Author;
let alice: Reviewer;
let database: Database;
beforeAll(async () => {
  [host, sigstore, author, alice] = await Promise.all([
    TestHost.start(),
    TestSigstore.start(),
    Author.create('acme'),
    Reviewer.create(),
  ]);
  database = await openDatabase(host.database.url);
  await host.trust(author);
  const { trustedRoot } = sigstore;
  for (const body of [
    { reviewer: 'alice', publicKey: alice.publicKey },
    { reviewer: 'bob', identity: { issuer: ISSUER, san: BOB }, trustedRoot },
  ])
    expect((await host.ask('POST', '/v1/reviewers', { body })).status).toBe(201);
});
afterAll(async () => {
  await database.close();
  for (const one of [host, sigstore, author, alice]) await one[Symbol.asyncDispose]();
});
beforeEach(() => need({ reviews: 0, provenance: null }));

async function need(body: object): Promise<void> {
  const url = '/v1/trust/acme/requirements';
  expect((await host.ask('PUT', url, { body })).status).toBe(200);
}
const publish = (name: string) => author.publish({ manifest: serving(name, ['GET /v']), code });
const reviewsOf = async ({ archive }: SignedPackage) => ({
  alice: await alice.approve(archive),
  bob: await approveKeyless(archive, sigstore, BOB),
});
const attestationsOf = async (id: string) =>
  (
    await database.query<{ attestations: string }>('SELECT attestations FROM mag.packages WHERE id = $1', [
      id,
    ])
  ).map(({ attestations }) => attestations.trim().split('\n').length);

describe('packages that need reviews', () => {
  it('are staged, installed and served when they have them, and leave nothing behind before', async () => {
    await need({ reviews: 2 });
    const signed = await publish('hello');
    const reviews = await reviewsOf(signed);
    for (const attestations of [undefined, reviews.alice, `${reviews.bob}\nx\n${reviews.bob}`, '{']) {
      const { status, body } = await host.stage({ ...signed, attestations });
      expect([status, body.code]).toEqual([403, 'E_SIG_REVIEWS']);
    }
    expect(await attestationsOf('acme/hello')).toEqual([]);
    expect((await host.ask('GET', '/v1/extensions/acme/hello')).status).toBe(404);
    const { body } = await host.ask('GET', '/v1/audit?action=extension.stage&limit=1');
    expect(body.records[0]).toMatchObject({ outcome: 'refused', detail: { code: 'E_SIG_REVIEWS' } });

    const folder = host.dataDir;
    await writeFile(join(folder, 'hello.mag'), signed.archive);
    await writeFile(join(folder, 'hello.mag.sigstore.json'), signed.bundle);
    await writeFile(join(folder, 'hello.mag.intoto.jsonl'), `${reviews.alice}\n${reviews.bob}\n`);
    const env = { MAG_URL: host.url, MAG_TOKEN: host.token };
    const args = ['extension:install', 'hello.mag', '--approve', 'all', '--enable', '--yes'];
    const { exitCode, stderr } = await mag(args, { cwd: folder, env });
    expect([exitCode, stderr]).toEqual([0, expect.not.stringContaining('error')]);
    expect((await host.ask('GET', '/x/acme/hello/v')).body).toBe('v');

    await host.shutdown();
    await host.boot(); // with what was stored beside the package
    expect((await host.ask('GET', '/x/acme/hello/v')).body).toBe('v');
  });

  it('are stopped at their next start when the policy asks for more, until that comes', async () => {
    const signed = await publish('late');
    const reviews = await reviewsOf(signed);
    await host.run({ ...signed, attestations: reviews.alice });
    await need({ reviews: 2 });
    expect((await host.ask('GET', '/x/acme/late/v')).body).toBe('v');
    await host.shutdown();
    await host.boot();
    expect((await host.ask('GET', '/x/acme/late/v')).status).not.toBe(200);
    expect(JSON.stringify((await host.ask('GET', '/v1/startup')).body)).toContain('E_SIG_REVIEWS');
    const refused = await host.operate('acme/late', 'enable');
    expect(JSON.stringify(refused.body)).toContain('E_SIG_REVIEWS');

    await need({ reviews: 0 });
    expect((await host.stage({ ...signed, attestations: reviews.bob })).status).toBe(201);
    await need({ reviews: 2 });
    expect(await attestationsOf('acme/late')).toEqual([2]); // those of before stay
    expect((await host.stage(signed)).body.code).toBe('E_SIG_REVIEWS');
    const { body } = await host.operate('acme/late', 'enable');
    expect(body.state).toBe('succeeded');
    expect((await host.ask('GET', '/x/acme/late/v')).body).toBe('v');
  });
});

it('packages that need a provenance get in with the right one', async () => {
  const { trustedRoot } = sigstore;
  const identity = { issuer: ISSUER, san: BUILDER };
  await host.ask('POST', '/v1/trust', {
    body: { publisher: 'acme', tier: 'verified', identity, trustedRoot },
  });
  await need({ provenance: { builder: BUILDER, sourceRepository: REPOSITORY } });
  const signed = await publish('built');
  const attest = (repository: string) =>
    attestKeyless(signed.archive, sigstore, BUILDER, {
      predicateType: PROVENANCE_TYPE,
      predicate: provenanceOf(BUILDER, repository),
    });
  for (const attestations of [undefined, await attest(`${REPOSITORY}-fork`)])
    expect((await host.stage({ ...signed, attestations })).body.code).toBe('E_SIG_PROVENANCE');
  expect(await attestationsOf('acme/built')).toEqual([]);
  expect((await host.stage({ ...signed, attestations: await attest(REPOSITORY) })).status).toBe(201);
});

describe.each(['folder', 'web'] as const)('from a registry that is a %s', (kind) => {
  it('reviews come with the package, as far as they can be believed', async () => {
    await using registry = await TestRegistry.start();
    const signed = await publish(`from-${kind}`);
    const reviews = await reviewsOf(signed);
    const where =
      kind === 'web' ? { location: registry.url, allowHttp: true } : { location: registry.folder };
    expect((await host.ask('POST', '/v1/registries', { body: { name: 'team', ...where } })).status).toBe(201);
    await need({ reviews: 2 });
    const resolve = async () =>
      (await host.ask('POST', '/v1/resolutions', { body: { wanted: { [signed.id]: '*' } } })).body;

    await registry.publish(signed);
    expect((await resolve()).code).toBe('E_SIG_REVIEWS');
    await registry.publish({ ...signed, attestations: reviews.alice });
    expect((await resolve()).code).toBe('E_SIG_REVIEWS');
    await registry.publish({ ...signed, attestations: reviews.bob });
    await registry.publish(signed); // without any: they stay
    const file = join(registry.folder, `${signed.id}/1.0.0.mag.intoto.jsonl`);
    const whole = await readFile(file, 'utf8');
    await truncate(file, whole.length - 100);
    expect((await resolve()).code).toBe('E_SIG_REVIEWS');
    await writeFile(file, `${whole}${'x\n'.repeat(40)}`);
    expect((await resolve()).code).toBe('E_SIG_INVALID');
    await truncate(file, 2_000_000);
    expect((await resolve()).code).toBe('E_REGISTRY');
    expect(await attestationsOf(signed.id)).toEqual([]);

    await writeFile(file, whole);
    expect((await resolve()).packages).toMatchObject([{ id: signed.id, action: 'install' }]);
    expect(await attestationsOf(signed.id)).toEqual([2]);
    await host.ask('DELETE', '/v1/registries/team');
  });
});
