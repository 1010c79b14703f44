import { once } from 'node:events';
import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SecretFolder } from '../../adapters/secrets/index.ts';
import { buildSdkPackage } from '../../host/build/sdk-package.ts';
import { writeDeclaredTypes } from '../../host/packaging/declared-types.ts';
import { CAPABILITIES } from '../../manifests/catalog/index.ts';
import { writeFiles } from '../host/packaging/fixtures/temporary-folder.ts';
import { Author } from '../support/author.ts';
import { TestHost, until } from '../support/host.ts';
import { type Recipe, type RecipeCall, readCookbook } from './cookbook-page.ts';

const recipes = await readCookbook();
/** The server that a recipe asks, and the one that answers here. */
const ELSEWHERE = 'https://api.example.com';

it('has a recipe for every capability', () => {
  const used = new Set(recipes.flatMap(({ manifest }) => manifest.capabilities.map(({ name }) => name)));
  expect(Object.keys(CAPABILITIES).filter((name) => !used.has(name))).toEqual([]);
});

describe('the recipes of the cookbook', () => {
  let host: TestHost;
  let author: Author;
  let weather: Server;
  let origin: string;

  beforeAll(async () => {
    [host, author] = await Promise.all([TestHost.start(), Author.create('cookbook')]);
    await host.trust(author);
    await host.database.pool.query('create table public.users (id text primary key, name text)');
    await host.database.pool.query("insert into public.users values ('1', 'Ada')");
    const key = { name: 'API_KEY', extension: 'cookbook/use-a-secret' as const };
    await new SecretFolder(join(host.dataDir, 'secrets')).set(key, Buffer.from('hunter2'));
    weather = createServer((_request, response) => {
      response.setHeader('content-type', 'application/json').end('{"sky":"clear"}');
    }).listen(0, '127.0.0.1');
    await once(weather, 'listening');
    origin = `http://127.0.0.1:${(weather.address() as AddressInfo).port}`;
  });
  afterAll(async () => {
    weather.close();
    await host[Symbol.asyncDispose]();
    await author[Symbol.asyncDispose]();
  });

  it.each(recipes)('$title', async (recipe) => {
    const { name, manifest, files } = JSON.parse(
      JSON.stringify(recipe).replaceAll(ELSEWHERE, origin),
    ) as Recipe;
    await host.run(await author.publish({ manifest: { name, ...manifest }, code: '', files }));
    if (manifest.capabilities.some((each) => each.name === 'system.keys'))
      await host.ask('POST', `/v1/extensions/cookbook/${name}/keys`, { body: { name: 'receipts' } });
    expect(recipe.calls.length).toBeGreaterThan(0);
    for (const call of recipe.calls) await play(name, call);
  });

  /** What a handler of an event or a job did may take a moment, and is seen with GET. */
  async function play(name: string, { method, path, body, status, answer }: RecipeCall): Promise<void> {
    const route = /^\/(v1|auth)\//.test(path) ? path : `/x/cookbook/${name}${path}`;
    const ask = () => host.ask(method, route, { body });
    const first = await (method === 'GET' ? until(ask, (given) => given.status === status) : ask());
    expect([path, first.status]).toEqual([path, status]);
    if (answer !== undefined) expect([path, first.body]).toMatchObject([path, answer]);
  }
});

/** What the page leaves out. */
const AROUND = {
  manifestVersion: 1,
  kind: 'extension',
  version: '1.0.0',
  displayName: 'Recipe',
  description: 'A recipe.',
  license: 'MIT',
  engines: { magflock: '^1.0.0' },
  entry: 'dist/index.js',
};

it('compiles with the types of each manifest', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'mag-cookbook-'));
  try {
    const { dir: sdk } = await buildSdkPackage();
    await mkdir(join(folder, 'node_modules/@magflock'), { recursive: true });
    await symlink(sdk, join(folder, 'node_modules/@magflock/sdk'));
    const compile = createCompiler();
    for (const { title, name, manifest, files } of recipes) {
      const dir = join(folder, name);
      const whole = { ...AROUND, id: `cookbook/${name}`, ...manifest };
      await writeFiles(dir, { ...files, 'manifest.json': JSON.stringify(whole) });
      const { file } = await writeDeclaredTypes(dir, async () => null);
      expect([title, compile([join(dir, 'src/index.ts'), file])]).toEqual([title, []]);
      if (title === 'Serve an endpoint') {
        await writeFiles(dir, {
          'src/index.ts': (files['src/index.ts'] ?? '').replace('params.name', 'params.nmae'),
        });
        expect(compile([join(dir, 'src/index.ts'), file])).toHaveLength(1);
      }
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}, 300_000);

/** A compiler that reads what all recipes share once. */
function createCompiler(): (files: readonly string[]) => string[] {
  const options: ts.CompilerOptions = {
    target: ts.ScriptTarget.ES2023,
    lib: ['lib.es2023.d.ts'],
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    strict: true,
    noUncheckedIndexedAccess: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: true,
    noEmit: true,
    types: [],
  };
  const shared = ts.createCompilerHost(options);
  const read = shared.getSourceFile.bind(shared);
  const parsed = new Map<string, ts.SourceFile | undefined>();
  shared.getSourceFile = (name, ...rest) => {
    if (!name.includes('typescript/lib')) return read(name, ...rest);
    if (!parsed.has(name)) parsed.set(name, read(name, ...rest));
    return parsed.get(name);
  };
  return (files) => {
    const program = ts.createProgram([...files], options, shared);
    const problems = ts.getPreEmitDiagnostics(program);
    return problems.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
  };
}
