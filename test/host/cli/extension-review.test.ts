import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { type Folder, mag, temporaryFolder } from './mag-process.ts';

const SOURCE = `import { defineExtension } from '#sdk';

export default defineExtension({
  endpoints: {
    'GET /visits': async (_request, ctx) => {
      await ctx.events.publish('acme.good.visited', {});
      return { body: { visits: 1 } };
    },
  },
});
`;
const README = `# Good

\`GET /x/acme/good/visits\` counts the visits of everybody who ever asked, and answers how many there were until now.
It publishes an event for each of them, which other extensions may subscribe to as they like.

\`\`\`sh
curl http://127.0.0.1:7070/x/acme/good/visits
\`\`\`
`;
const MANIFEST = {
  manifestVersion: 1,
  kind: 'extension',
  id: 'acme/good',
  version: '1.0.0',
  displayName: 'Good',
  description: 'Counts the visits.',
  license: 'MIT',
  engines: { magflock: '^1.0.0' },
  entry: 'dist/index.js',
  capabilities: [
    { name: 'api.register_endpoint', reason: 'Serves the number of visits.' },
    { name: 'api.emit_events', reason: 'Tells others of each visit.' },
  ],
  contributes: {
    endpoints: [{ method: 'GET', path: '/visits', auth: 'user' }],
    events: { publishes: [{ type: 'acme.good.visited', schema: 'schemas/visited.json' }] },
  },
};
const GOOD: Readonly<Record<string, string>> = {
  'manifest.json': JSON.stringify(MANIFEST),
  'src/index.ts': SOURCE,
  'schemas/visited.json': '{ "type": "object" }',
  'README.md': README,
  LICENSE: 'MIT License',
  'package.json': JSON.stringify({ scripts: { test: 'node --test' } }),
  'test/good.test.js':
    "import { test } from 'node:test';\nimport { equal } from 'node:assert';\ntest('adds', () => equal(1 + 1, 2));\n",
};

interface Report {
  readonly verdict: string;
  readonly digest: string;
  readonly checks: readonly { id: string; outcome: string; findings: string[] }[];
}

/** Without what only took too long: that depends on who else uses this machine. */
function failing({ checks }: Report): string[] {
  const isSlow = ({ id, findings }: Report['checks'][number]) =>
    id === 'performance' && !findings.some((one) => /answered|does not start|The heap/.test(one));
  return checks.filter((one) => one.outcome === 'fail' && !isSlow(one)).map(({ id }) => id);
}

/** A review boots a host. */
const PATIENCE_MS = 600_000;

describe('extension:review', { timeout: PATIENCE_MS }, () => {
  let database: TestDatabase;
  let folder: Folder;
  beforeAll(async () => {
    [database, folder] = await Promise.all([createTestDatabase(), temporaryFolder()]);
    await chmod(folder.path, 0o711);
  });
  afterAll(async () => {
    await folder[Symbol.asyncDispose]();
    await database.drop();
  });

  const write = async (name: string, files: Readonly<Record<string, string>>) => {
    for (const [file, text] of Object.entries(files)) {
      await mkdir(dirname(join(folder.path, name, file)), { recursive: true });
      await writeFile(join(folder.path, name, file), text);
    }
  };
  const review = async (...args: string[]) => {
    const given = ['extension:review', ...args, '--database', database.url, '--output', 'json'];
    const { exitCode, stdout, stderr } = await mag(given, { cwd: folder.path, deadlineMs: PATIENCE_MS });
    const report: Report = JSON.parse(stdout);
    expect(report, stdout + stderr).toHaveProperty('checks');
    return { exitCode, report, of: (id: string) => report.checks.find((check) => check.id === id) };
  };

  it('passes a good one in every point, and writes the report down', async () => {
    await write('good', GOOD);
    const { exitCode, report } = await review('good', '--report', 'report.json');
    expect(failing(report)).toEqual([]);
    expect(report.checks.filter(({ outcome }) => outcome === 'person')).toEqual([]);
    expect(report.checks.map(({ id }) => id)).toEqual([
      ...['manifest', 'capabilities', 'security', 'dependencies', 'license', 'documentation', 'tests'],
      ...['performance', 'escape', 'audit'],
    ]);
    expect(exitCode).toBe(report.verdict === 'pass' ? 0 : 1);
    expect(JSON.parse(await readFile(join(folder.path, 'report.json'), 'utf8'))).toEqual(report);
  });

  it('says what a bad one gets wrong, point by point', async () => {
    const { 'README.md': _readme, 'test/good.test.js': _test, LICENSE: _license, ...rest } = GOOD;
    const capabilities = [
      { name: 'api.register_endpoint', reason: 'Serves.' },
      { name: 'system.metrics', reason: 'Counts something, one day.' },
    ];
    const contributes = { endpoints: MANIFEST.contributes.endpoints };
    const manifest = { ...MANIFEST, id: 'acme/bad', license: 'GPL-3.0-only', capabilities, contributes };
    await write('bad', {
      ...rest,
      'manifest.json': JSON.stringify(manifest),
      'src/index.ts': `import 'event-stream';
        const make = eval;
        export default { endpoints: { 'GET /visits': async (_request, ctx) => {
          if (ctx.config.never) { eval('1'); await ctx.http.fetch('https://example.com/'); }
          throw new Error('broken');
        } } };`,
      'node_modules/event-stream/index.js': 'Array.prototype.last = function () { return this.at(-1); };',
      'node_modules/event-stream/package.json':
        '{ "name": "event-stream", "version": "3.3.6", "license": "GPL-2.0", "main": "index.js" }',
    });
    const { exitCode, report, of } = await review('bad');
    expect([exitCode, report.verdict]).toEqual([1, 'fail']);
    expect(failing(report)).toEqual([
      ...['capabilities', 'security', 'dependencies', 'license', 'documentation', 'tests', 'performance'],
    ]);
    const said = (id: string) => of(id)?.findings.join('\n');
    expect(said('capabilities')).toContain('system.metrics is declared, and the code does not use it');
    expect(said('capabilities')).toMatch(/ctx\.http\.fetch, which needs network\.outbound: undeclared/);
    expect(said('capabilities')).toContain('The reason for api.register_endpoint says too little');
    expect(said('security')).toContain('makes code out of text (eval)');
    expect(said('security')).toContain('changes what all code shares');
    expect(said('dependencies')).toContain('event-stream@3.3.6 is known to be malicious');
    expect(said('license')).toContain('event-stream@3.3.6 has the licence GPL-2.0');
    expect(said('license')).toContain('GPL-3.0-only');
    expect(said('performance')).toContain('GET /visits answered 500');
  });

  it('leaves to a person what a package alone does not tell', async () => {
    await write('packed', GOOD);
    await mag(['extension:pack', 'packed', '--out', 'good.mag'], { cwd: folder.path });
    await rm(join(folder.path, 'packed'), { recursive: true });
    const { exitCode, report, of } = await review('good.mag');
    const shown = await mag(['extension:review', 'good.mag', '--database', database.url], {
      cwd: folder.path,
      deadlineMs: PATIENCE_MS,
    });
    expect(shown.stdout).toMatch(/^acme\/good 1\.0\.0\nsha256:/);
    expect(shown.stdout).toContain('person  tests are there and pass');
    expect(failing(report)).toEqual([]);
    expect(exitCode).toBe(report.verdict === 'person' ? 0 : 1);
    expect(of('tests')?.outcome).toBe('person');
    expect(of('escape')?.outcome).toBe('pass');
  });

  it('has what an extension depends on, and the secrets and keys it names', async () => {
    const rights = [
      { name: 'api.register_endpoint', reason: 'Serves the number of visits.' },
      { name: 'system.secrets', reason: 'Reads its secret at the start.' },
      { name: 'system.keys', reason: 'Signs what it says.', scope: { keys: ['receipts'] } },
    ];
    await write('base', {
      ...GOOD,
      'manifest.json': JSON.stringify({
        ...MANIFEST,
        id: 'globex/base',
        capabilities: [],
        contributes: { exports: [{ name: 'count' }] },
      }),
      'src/index.ts': 'export default { exports: { count: async () => 7 } };',
    });
    await write('dependent', {
      ...GOOD,
      'manifest.json': JSON.stringify({
        ...MANIFEST,
        id: 'acme/dependent',
        dependencies: { 'globex/base': '^1.0.0' },
        capabilities: rights,
        contributes: { endpoints: MANIFEST.contributes.endpoints },
        secrets: [{ name: 'TOKEN', reason: 'Asks others.' }],
      }),
      'src/index.ts': `export default {
        async start(ctx) { await ctx.secrets.get('TOKEN'); },
        endpoints: { 'GET /visits': async (_request, ctx) => ({ body: {
          visits: await ctx.extensions.call('globex/base', 'count', {}),
          signed: await ctx.keys.sign('receipts', 'x'),
        } }) },
      };`,
    });
    const alone = await review('dependent', '--no-tests');
    expect([alone.exitCode, alone.of('performance')?.outcome]).toEqual([1, 'fail']);
    expect(alone.of('performance')?.findings).toEqual([
      expect.stringMatching(/E_DEPENDENCY.*globex\/base/),
      expect.stringContaining('--with'),
    ]);
    const together = await review('dependent', '--no-tests', '--with', 'base');
    expect(failing(together.report)).toEqual([]);
    expect(together.of('performance')?.findings.join('\n')).toMatch(/GET \/visits: p99 .*/);
    expect(together.of('performance')?.findings).toContain('the values of its secrets and keys are made up');
  });

  it('reports on a bundle, which can be approved as well', async () => {
    const bundle = {
      ...{ manifestVersion: 1, kind: 'bundle', id: 'acme/pack', version: '1.0.0', license: 'MIT' },
      ...{ displayName: 'Pack', description: 'What belongs together.', engines: { magflock: '*' } },
      extensions: { 'acme/good': '^1.0.0' },
    };
    const files = { 'manifest.json': JSON.stringify(bundle), LICENSE: 'MIT License' };
    await write('pack', { ...files, 'README.md': 'A bundle of `acme/good`.' });
    await mag(['extension:pack', 'pack', '--out', 'pack.mag'], { cwd: folder.path });
    const { exitCode, report, of } = await review('pack.mag', '--report', 'pack.json');
    expect([exitCode, report.verdict, of('members')?.outcome]).toEqual([0, 'person', 'person']);
    expect(report.checks.map(({ id }) => id)).toEqual(['manifest', 'members', 'license', 'documentation']);
    await mag(['key:generate', '--out', 'alice'], { cwd: folder.path });
    const attest = ['extension:attest', 'pack.mag', '--report', 'pack.json', '--key', 'alice.key'];
    expect(await mag(attest, { cwd: folder.path })).toMatchObject({ exitCode: 0 });
    await write('bare', { ...files, 'README.md': 'A bundle.' });
    expect((await review('bare')).of('documentation')?.outcome).toBe('fail');
  });

  it('has no report for what is neither folder nor package', async () => {
    const { exitCode, stdout } = await mag(['extension:review', 'nothing', '--output', 'json'], {
      cwd: folder.path,
    });
    expect([exitCode, JSON.parse(stdout).error.code]).toEqual([1, 'E_BAD_REQUEST']);
  });
});
