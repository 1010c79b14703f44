import { createHash } from 'node:crypto';
import { readdir, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { IndexEntry } from '../../../host/registries/index-format.ts';
import { type Database, openDatabase } from '../../../host/storage/database.ts';
import { Author, type SignedPackage } from '../../support/author.ts';
import { TestHost } from '../../support/host.ts';
import { TestRegistry } from '../../support/registry.ts';
import { serving } from '../../support/sources.ts';

const KINDS = ['folder', 'web'] as const;
const code = `export default { endpoints: { 'GET /v': async () => ({ body: 'v' }) } };`;

let host: TestHost;
let author: Author;
let stranger: Author;
let database: Database;
let registry: TestRegistry;
const made = new Map<string, SignedPackage>();

beforeAll(async () => {
  [host, author, stranger] = await Promise.all([
    TestHost.start(),
    Author.create('acme'),
    Author.create('acme'),
  ]);
  database = await openDatabase(host.database.url);
  await host.trust(author);
  for (const [name, version, dependencies] of [
    ['base', '1.0.0', {}],
    ['base', '1.1.0', {}],
    ['hello', '1.0.0', { 'acme/base': '^1.0.0' }],
    ['old', '1.0.0', {}],
    ['old', '1.2.0', {}],
  ] as const) {
    const manifest = serving(name, ['GET /v'], { version, dependencies });
    made.set(`${name}-${version}`, await author.publish({ manifest, code }));
  }
});
afterAll(async () => {
  await database.close();
  await Promise.all([host, author, stranger].map((one) => one[Symbol.asyncDispose]()));
});
beforeEach(async () => {
  registry = await TestRegistry.start();
});
afterEach(async () => {
  await host.ask('DELETE', '/v1/registries/team');
  await registry[Symbol.asyncDispose]();
});

const signed = (name: string): SignedPackage => {
  const found = made.get(name);
  if (found === undefined) throw new Error(`no ${name}`);
  return found;
};
async function add(kind: (typeof KINDS)[number]): Promise<void> {
  const where = kind === 'web' ? { location: registry.url, allowHttp: true } : { location: registry.folder };
  expect((await host.ask('POST', '/v1/registries', { body: { name: 'team', ...where } })).status).toBe(201);
}
const resolve = (wanted: object, more: object = {}) =>
  host.ask('POST', '/v1/resolutions', { body: { wanted, ...more } });
const stored = async () =>
  (await database.query<{ digest: string }>('SELECT digest FROM mag.packages ORDER BY digest')).length;

/** Writes another entry than was published. */
async function lie(id: string, version: string, about: Partial<IndexEntry>): Promise<void> {
  const file = join(registry.folder, 'index.json');
  const index = JSON.parse(await readFile(file, 'utf8'));
  index.extensions[id] ??= {};
  index.extensions[id][version] = {
    ...(index.extensions[id][version] ?? index.extensions[id]['1.0.0']),
    ...about,
  };
  await writeFile(file, JSON.stringify(index));
}
const fileOf = (path: string) => join(registry.folder, path);
const factsOf = ({ archive }: SignedPackage) => ({
  digest: `sha256:${createHash('sha256').update(archive).digest('hex')}`,
  sizeBytes: archive.byteLength,
});
/** What lies in the place of acme/hello 1.0.0, index and all. */
async function swap({ archive, bundle }: SignedPackage, inIndex = true): Promise<void> {
  await writeFile(fileOf('acme/hello/1.0.0.mag'), archive);
  await writeFile(fileOf('acme/hello/1.0.0.mag.sigstore.json'), bundle);
  if (inIndex) await lie('acme/hello', '1.0.0', factsOf({ archive, bundle, id: '', version: '' }));
}

describe.each(KINDS)('a registry that is a %s', (kind) => {
  it('is searched, and an unreadable one named', async () => {
    await registry.publish(signed('hello-1.0.0'), signed('base-1.1.0'), signed('base-1.0.0'));
    await add(kind);
    const { body } = await host.ask('GET', '/v1/packages?text=ACME%2Fb');
    expect(body.packages).toMatchObject([
      { id: 'acme/base', version: '1.1.0', versions: ['1.1.0', '1.0.0'] },
    ]);
    await writeFile(fileOf('index.json'), '{');
    const after = (await host.ask('GET', '/v1/packages?text=')).body;
    expect(after.unreadable).toMatchObject([{ registry: 'team', code: 'E_REGISTRY_INDEX' }]);
    const built = { id: 'magflock/guestbook', registry: 'checkout' };
    expect(after.packages).toContainEqual(expect.objectContaining(built));
  });

  const lies: [what: string, refusal: string, tamper: () => Promise<unknown>][] = [
    ['an index that is cut off', 'E_REGISTRY_INDEX', () => truncate(fileOf('index.json'), 100)],
    ['an index that is gone', 'E_REGISTRY', () => rm(fileOf('index.json'))],
    ['a huge index', 'E_REGISTRY', () => truncate(fileOf('index.json'), 9 * 1_048_576)],
    [
      'an entry with a path',
      'E_REGISTRY_INDEX',
      () => lie('acme/hello', '1.0.0', { file: '../../x' } as object),
    ],
    ['a version that climbs', 'E_REGISTRY_INDEX', () => lie('acme/hello', '../../hello', {})],
    ['an id that climbs', 'E_REGISTRY_INDEX', () => lie('../hello', '1.0.0', { kind: 'extension' })],
    ['a shorter package', 'E_REGISTRY_MISMATCH', () => truncate(fileOf('acme/hello/1.0.0.mag'), 50)],
    ['a swapped package', 'E_REGISTRY_MISMATCH', () => swap(signed('base-1.0.0'), false)],
    ['one that is swapped in the index too', 'E_REGISTRY_MISMATCH', () => swap(signed('base-1.0.0'))],
    ['a missing package', 'E_REGISTRY', () => rm(fileOf('acme/hello/1.0.0.mag'))],
    ['a missing signature', 'E_SIG_MISSING', () => rm(fileOf('acme/hello/1.0.0.mag.sigstore.json'))],
    [
      'a signature of other bytes',
      'E_SIG_SUBJECT',
      () => writeFile(fileOf('acme/hello/1.0.0.mag.sigstore.json'), signed('base-1.0.0').bundle),
    ],
    [
      'a package that somebody else signed',
      'E_SIG_IDENTITY',
      async () => {
        const { archive } = signed('hello-1.0.0');
        await swap({ ...signed('hello-1.0.0'), bundle: await stranger.sign(archive) });
      },
    ],
    [
      'a package that was changed after it was signed',
      'E_SIG_',
      async () => {
        const { bundle } = signed('hello-1.0.0');
        const other = await stranger.publish({
          manifest: serving('hello', ['GET /v']),
          code: `${code} // evil`,
        });
        await swap({ ...other, bundle });
      },
    ],
    [
      'another digest',
      'E_REGISTRY_MISMATCH',
      () => lie('acme/hello', '1.0.0', { digest: `sha256:${'0'.repeat(64)}` }),
    ],
    ['a smaller size', 'E_REGISTRY', () => lie('acme/hello', '1.0.0', { sizeBytes: 10 })],
    ['a larger size', 'E_REGISTRY_MISMATCH', () => lie('acme/hello', '1.0.0', { sizeBytes: 999_999 })],
    [
      'dependencies it has not',
      'E_REGISTRY_MISMATCH',
      () => lie('acme/hello', '1.0.0', { dependencies: {} }),
    ],
    [
      'other engines',
      'E_REGISTRY_MISMATCH',
      () => lie('acme/hello', '1.0.0', { engines: { magflock: '*' } }),
    ],
    ['another kind', 'E_REGISTRY_MISMATCH', () => lie('acme/hello', '1.0.0', { kind: 'bundle' })],
    [
      'a version that the package is not',
      'E_REGISTRY_MISMATCH',
      async () => {
        await lie('acme/hello', '1.9.0', {});
        for (const end of ['', '.sigstore.json'])
          await writeFile(
            fileOf(`acme/hello/1.9.0.mag${end}`),
            await readFile(fileOf(`acme/hello/1.0.0.mag${end}`)),
          );
      },
    ],
  ];

  it.each(lies)('is refused with %s (%s), and nothing is left behind', async (_what, refusal, tamper) => {
    await registry.publish(signed('base-1.0.0'), signed('hello-1.0.0'));
    await tamper();
    await add(kind);
    const [before, files] = [await stored(), (await readdir(host.dataDir)).sort()];
    const { status, body } = await resolve({ 'acme/hello': '*' });
    expect([status >= 400, body.code, body.packages]).toEqual([
      true,
      expect.stringContaining(refusal),
      undefined,
    ]);
    expect(JSON.stringify(body)).not.toContain(registry.folder);
    expect(await stored()).toBe(before);
    expect((await readdir(host.dataDir)).sort()).toEqual(files);
    expect((await host.ask('GET', '/v1/extensions/acme/hello')).status).toBe(404);
    expect((await host.ask('GET', '/v1/extensions/acme/base')).status).toBe(404);
  });

  it('cannot bring back an older version, nor another content of one', async () => {
    await host.run(signed('old-1.2.0'));
    for (const verb of ['disable', 'uninstall'] as const) await host.operate('acme/old', verb);
    await registry.publish(signed('old-1.0.0'));
    await add(kind);
    const before = await stored();
    expect((await resolve({ 'acme/old': '^1.0.0' })).body.code).toBe('E_PKG_ROLLBACK');
    expect(await stored()).toBe(before);
    await host.stage(signed('old-1.2.0'));
    await lie('acme/old', '1.2.0', {}); // with the digest of 1.0.0
    expect((await resolve({ 'acme/old': '1.2.0' })).body.code).toBe('E_PKG_EQUIVOCATION');
  });
});

describe('registries', () => {
  it('are never read endlessly', async () => {
    await registry.publish(signed('base-1.0.0'), signed('hello-1.0.0'));
    await add('web');
    registry.answers.set('/acme/hello/1.0.0.mag', (_request, response) => {
      const pour = () => {
        while (!response.destroyed && response.write('x'.repeat(65_536)));
        if (!response.destroyed) response.once('drain', pour);
      };
      pour();
    });
    const { status, body } = await resolve({ 'acme/hello': '*' });
    expect([status, body.code]).toEqual([502, 'E_REGISTRY']);
    expect((await host.ask('GET', '/v1/extensions/acme/base')).status).toBe(404);
  });

  it('are read as files, whatever lies in their place', async () => {
    await registry.publish(signed('hello-1.0.0'), signed('base-1.0.0'));
    await rm(fileOf('acme/hello/1.0.0.mag'));
    await symlink('/dev/zero', fileOf('acme/hello/1.0.0.mag'));
    await add('folder');
    expect((await resolve({ 'acme/hello': '*' })).body.code).toBe('E_REGISTRY');
  });

  it('must agree on what a version is', async () => {
    const other = await author.publish({ manifest: serving('base', ['GET /v']), code: `${code} // other` });
    await using second = await TestRegistry.start();
    await registry.publish(signed('base-1.0.0'));
    await second.publish(other);
    await add('folder');
    const more = { name: 'second', location: second.folder };
    await host.ask('POST', '/v1/registries', { body: more });
    const { body } = await resolve({ 'acme/base': '*' });
    await host.ask('DELETE', '/v1/registries/second');
    expect([body.code, body.detail]).toEqual(['E_PKG_EQUIVOCATION', expect.stringContaining('team, second')]);
  });

  it('name what has no version for this, in words', async () => {
    await registry.publish(signed('hello-1.0.0'));
    await add('folder');
    const { body } = await resolve({ 'acme/hello': '*' });
    expect(body).toMatchObject({ code: 'E_DEPENDENCY' });
    expect(body.detail).toContain('missing: acme/hello 1.0.0 -> acme/base ^1.0.0');
  });

  it('do not lead in a circle', async () => {
    for (const [name, other] of [
      ['one', 'two'],
      ['two', 'one'],
    ] as const) {
      const manifest = serving(name, ['GET /v'], { dependencies: { [`acme/${other}`]: '*' } });
      await registry.publish(await author.publish({ manifest, code }));
    }
    await add('folder');
    const { body } = await resolve({ 'acme/one': '*' });
    expect(body).toMatchObject({ code: 'E_DEPENDENCY' });
    expect(body.detail).toContain('circular dependency: acme/one -> acme/two -> acme/one');
  });

  it('are refused where the lock file says another thing', async () => {
    await registry.publish(signed('base-1.0.0'), signed('base-1.1.0'), signed('hello-1.0.0'));
    await add('folder');
    const packages = {
      'acme/hello': { version: '1.0.0', digest: factsOf(signed('hello-1.0.0')).digest },
      'acme/base': { version: '1.0.0', digest: factsOf(signed('base-1.0.0')).digest },
    };
    const locked = (lock: object, wanted: object = { 'acme/hello': '*' }) => resolve(wanted, { lock });
    const wrong = { ...packages, 'acme/base': { version: '1.0.0', digest: `sha256:${'1'.repeat(64)}` } };
    expect((await locked({ packages: wrong, strict: true })).body.code).toBe('E_LOCK_MISMATCH');
    const { 'acme/base': _base, ...less } = packages;
    expect((await locked({ packages: less, strict: true })).body.code).toBe('E_LOCK_MISMATCH');
    const otherwise = await locked({ packages: wrong, strict: false }, { 'acme/base': '1.0.0' });
    expect(otherwise.body.code).toBe('E_PKG_EQUIVOCATION');
    expect((await host.ask('GET', '/v1/extensions/acme/base')).status).toBe(404);
    const { body } = await locked({ packages, strict: true });
    expect(body.packages).toMatchObject([
      { id: 'acme/base', version: '1.0.0', registry: 'team', action: 'install' },
      { id: 'acme/hello', version: '1.0.0', registry: 'team', action: 'install' },
    ]);
    const audit = await host.ask('GET', '/v1/audit?action=extension.stage');
    expect(audit.body.records.map(({ target }: { target: string }) => target)).toContain('acme/base@1.0.0');
  });

  it('are refused with what is no range', async () => {
    expect((await resolve({ 'acme/hello': 'soon' })).body.code).toBe('E_BAD_REQUEST');
  });
});
