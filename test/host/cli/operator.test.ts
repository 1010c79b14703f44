import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Answer, type ControlApi, controlApi, inTurn, json, problem, stream } from './control-api.ts';
import { type Folder, mag, temporaryFolder } from './mag-process.ts';

const HELLO = '/v1/extensions/acme/hello';
const step = (name: string, state: string, detail: string | null = null) => ({ name, state, detail });
const staged = {
  ...{ id: 'acme/hello', version: '1.0.0', digest: 'sha256:00', publisher: 'acme', tier: 'verified' },
  ...{ signedBy: 'acme-2026', dependencies: {}, warnings: [] },
  capabilities: [
    { name: 'database.read', reason: 'Reads \u001b[2Kusers.', scope: { tables: ['public.users'] } },
    { name: 'api.emit_events', reason: 'Tells.' },
  ],
};
const shown = (state: string, version = '1.0.0') => ({
  ...{ id: 'acme/hello', version, state, reason: null, health: { healthy: null }, versions: [], grants: [] },
});
const succeeded = {
  ...{ id: 'op1', kind: 'install', extension: 'acme/hello', state: 'succeeded' },
  steps: [step('verify', 'done'), step('migrate', 'done', '2 files')],
};

let folder: Folder;
let api: ControlApi | undefined;
beforeEach(async () => {
  folder = await temporaryFolder();
  await mkdir(join(folder.path, 'data'));
  await writeFile(join(folder.path, 'data/admin.token'), 'local-secret\n');
  await writeFile(join(folder.path, 'hello.mag'), 'bytes');
  await writeFile(join(folder.path, 'hello.mag.sigstore.json'), '{"bundle":1}');
});
afterEach(async () => {
  await api?.[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

/** Serves the routes and runs one command against them. */
async function run(routes: Record<string, Answer>, ...args: string[]) {
  api = await controlApi(routes);
  const env = { MAG_URL: api.url };
  const ran = await mag(args, { cwd: folder.path, env });
  return { ...ran, seen: api.seen };
}

const operation = {
  'GET /v1/operations/op1/events': stream([
    ['step', step('verify', 'running')],
    ['step', step('verify', 'done')],
    ['end', succeeded],
  ]),
  'GET /v1/operations/op1': json(succeeded),
};

describe('extension:install <file>', () => {
  const routes = () => ({
    'POST /v1/extensions': json(staged, 201),
    [`GET ${HELLO}`]: inTurn(json(shown('staged')), json(shown('enabled'))),
    [`POST ${HELLO}/install`]: json({ operation: 'op1' }, 202),
    [`POST ${HELLO}/enable`]: json({ operation: 'op1' }, 202),
    ...operation,
  });
  const ALL = ['extension:install', 'hello.mag', '--approve', 'all', '--yes'];

  it('stages the package with its signature, shows what it asks for, and installs', async () => {
    const { exitCode, stdout, seen } = await run(routes(), ...ALL, '--enable');
    expect(exitCode).toBe(0);
    expect(seen[0]?.body).toContain('{"bundle":1}');
    expect(stdout).toMatch(/database\.read +tables: public\.users +Reads \[2Kusers\./);
    expect(stdout).toMatch(/done +verify\n +done +migrate: 2 files/);
    expect(stdout.trimEnd().split('\n').at(-1)).toBe('acme/hello 1.0.0 is installed and enabled');
    const install = seen.find(({ url }) => url.endsWith('/install'));
    expect(JSON.parse(install?.body ?? '')).toEqual({ version: '1.0.0', approve: 'all' });
    expect(seen.map(({ method, url }) => `${method} ${url}`)).toContain(`POST ${HELLO}/enable`);
  });

  it('approves what is named and nothing else', async () => {
    const { seen } = await run(
      routes(),
      'extension:install',
      'hello.mag',
      '--approve',
      'database.read',
      '--yes',
    );
    const install = seen.find(({ url }) => url.endsWith('/install'));
    expect(JSON.parse(install?.body ?? '')).toMatchObject({ approve: ['database.read'] });
  });

  it('approves nothing that was not said', async () => {
    const { exitCode, seen } = await run(routes(), 'extension:install', 'hello.mag', '--yes');
    expect(exitCode).toBe(2);
    expect(seen.some(({ url }) => url.endsWith('/install'))).toBe(false);
  });

  it('prints one JSON value and nothing else', async () => {
    const { exitCode, stdout } = await run(routes(), ...ALL, '--output', 'json');
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toEqual({ id: 'acme/hello', version: '1.0.0', state: 'enabled' });
  });

  it('has nothing to do for what is installed and enabled', async () => {
    const already = { ...routes(), [`GET ${HELLO}`]: json(shown('enabled')) };
    const { exitCode, stdout, seen } = await run(already, ...ALL, '--enable');
    expect(exitCode).toBe(0);
    expect(stdout).toContain('is installed already');
    expect(seen.filter(({ method }) => method === 'POST')).toHaveLength(1);
  });

  it('only enables what is installed', async () => {
    const off = { ...routes(), [`GET ${HELLO}`]: inTurn(json(shown('installed')), json(shown('enabled'))) };
    const { exitCode, seen } = await run(off, ...ALL, '--enable');
    expect(exitCode).toBe(0);
    const posts = seen.filter(({ method }) => method === 'POST').map(({ url }) => url);
    expect(posts).toEqual(['/v1/extensions', `${HELLO}/enable`]);
  });

  it('ends with the code the operation ended with', async () => {
    const failed = {
      ...{ ...succeeded, state: 'rolled_back', error: { code: 'E_MIGRATION', detail: 'no such table' } },
    };
    const broken = {
      ...routes(),
      'GET /v1/operations/op1/events': stream([['end', failed]]),
      'GET /v1/operations/op1': json(failed),
    };
    const { exitCode, stderr } = await run(broken, ...ALL);
    expect(exitCode).toBe(1);
    expect(stderr).toContain('error E_MIGRATION: no such table');
  });

  it('waits for the end when the stream is lost before it', async () => {
    const lost = {
      ...routes(),
      'GET /v1/operations/op1/events': stream([['step', step('verify', 'running')]]),
      'GET /v1/operations/op1': inTurn(json({ ...succeeded, state: 'running' }), json(succeeded)),
    };
    const { exitCode, seen } = await run(lost, ...ALL);
    expect(exitCode).toBe(0);
    expect(seen.filter(({ url }) => url.includes('?wait='))).toHaveLength(2);
  });

  it('sends a package without a signature as it is, for the host to refuse', async () => {
    await writeFile(join(folder.path, 'bare.mag'), 'bytes');
    const refusing = { 'POST /v1/extensions': problem(400, 'E_SIG_MISSING', 'no signature') };
    const { exitCode, stderr, seen } = await run(refusing, 'extension:stage', 'bare.mag');
    expect(exitCode).toBe(1);
    expect(stderr).toBe('error E_SIG_MISSING: no signature\n');
    expect(seen[0]?.body).not.toContain('name="bundle"');
  });
});

describe('extension:install <id>', () => {
  const base = { ...staged, id: 'acme/base', version: '1.1.0', registry: 'team', action: 'install' };
  const hello = { ...staged, digest: 'sha256:01', registry: 'team', action: 'install', memberOf: null };
  const routes = {
    'POST /v1/resolutions': json({ packages: [base, hello] }),
    [`GET ${HELLO}`]: json(shown('installed')),
    'GET /v1/extensions/acme/base': json(shown('installed')),
    [`POST ${HELLO}/install`]: json({ operation: 'op1' }, 202),
    'POST /v1/extensions/acme/base/install': json({ operation: 'op1' }, 202),
    'POST /v1/extensions/acme/base/uninstall': json({ operation: 'op1' }, 202),
    ...operation,
  };
  const ARGS = ['extension:install', 'acme/hello@^1.0.0', '--yes'];
  const posted = (seen: ControlApi['seen']) =>
    seen.filter(({ method, url }) => method === 'POST' && url !== '/v1/resolutions').map(({ url }) => url);

  it('asks the host to resolve it, and installs what it needs first', async () => {
    const { exitCode, stdout, seen } = await run(routes, ...ARGS, '--approve', 'all');
    expect(exitCode).toBe(0);
    expect(JSON.parse(seen[0]?.body ?? '')).toMatchObject({ wanted: { 'acme/hello': '^1.0.0' } });
    expect(posted(seen)).toEqual(['/v1/extensions/acme/base/install', `${HELLO}/install`]);
    expect(stdout).toMatch(/acme\/base +1\.1\.0 +team +to install/);
    const lock = JSON.parse(await readFile(join(folder.path, 'mag.lock'), 'utf8'));
    expect(lock.packages['acme/hello']).toEqual({ version: '1.0.0', digest: 'sha256:01', registry: 'team' });
  });

  it('approves for one of several packages what is said for it', async () => {
    const names = 'acme/base:database.read,api.emit_events';
    const { seen } = await run(routes, ...ARGS, '--approve', names, '--no-lock');
    const bodies = seen.filter(({ url }) => url.endsWith('/install')).map(({ body }) => JSON.parse(body));
    expect(bodies.map(({ approve }) => approve)).toEqual([
      ['database.read', 'api.emit_events'],
      ['api.emit_events'],
    ]);
    expect(await readdir(folder.path)).not.toContain('mag.lock');
  });

  it('refuses a name that none of the packages asks for', async () => {
    const { exitCode, stderr, seen } = await run(routes, ...ARGS, '--approve', 'network.outbound');
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining('E_APPROVAL')]);
    expect(posted(seen)).toEqual([]);
  });

  it('takes back what it installed when a later one fails', async () => {
    const broken = { ...routes, [`POST ${HELLO}/install`]: problem(422, 'E_INCOMPATIBLE', 'too new') };
    const { exitCode, stderr, seen } = await run(broken, ...ARGS, '--approve', 'all');
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining('E_INCOMPATIBLE: too new')]);
    expect(posted(seen).slice(-2)).toEqual([`${HELLO}/install`, '/v1/extensions/acme/base/uninstall']);
    expect(await readdir(folder.path)).not.toContain('mag.lock');
  });

  it('refuses a lock file that mag did not write, before anything is done', async () => {
    await writeFile(join(folder.path, 'mag.lock'), '{"lockVersion":2}');
    const { exitCode, seen } = await run(routes, ...ARGS, '--approve', 'all');
    expect([exitCode, seen]).toEqual([1, []]);
  });
});

describe('enabling and disabling', () => {
  it.each([
    ['extension:enable', 'enabled'],
    ['extension:disable', 'disabled'],
  ])('%s changes nothing for what is %s', async (command, state) => {
    const { exitCode, stdout, seen } = await run(
      { [`GET ${HELLO}`]: json(shown(state)) },
      ...[command, 'acme/hello', '--yes'],
    );
    expect(exitCode).toBe(0);
    expect(stdout).toContain('already');
    expect(seen.every(({ method }) => method === 'GET')).toBe(true);
  });

  it('refuses to stop anything unasked', async () => {
    const { exitCode, seen } = await run(
      { [`GET ${HELLO}`]: json(shown('enabled')) },
      ...['extension:disable', 'acme/hello'],
    );
    expect(exitCode).toBe(2);
    expect(seen.every(({ method }) => method === 'GET')).toBe(true);
  });
});

describe('what the host says', () => {
  it('is shown as it is in JSON', async () => {
    const detail = { ...shown('enabled'), grants: [{ capability: 'database.read', scope: null }] };
    const routes = { [`GET ${HELLO}`]: json(detail) };
    const { stdout, stderr } = await run(routes, 'extension:show', 'acme/hello', '--output', 'json');
    expect(JSON.parse(stdout)).toEqual(detail);
    expect(stderr).toBe('');
  });

  it('is an error with its code, in JSON and without', async () => {
    const routes = { [`GET ${HELLO}`]: problem(404, 'E_NOT_FOUND', 'no acme/hello') };
    const first = await run(routes, 'extension:show', 'acme/hello', '--output', 'json');
    expect(first.exitCode).toBe(1);
    expect(JSON.parse(first.stdout)).toEqual({ error: { code: 'E_NOT_FOUND', detail: 'no acme/hello' } });
    await api?.[Symbol.asyncDispose]();
    const second = await run(routes, 'extension:show', 'acme/hello');
    expect(second.stderr).toBe('error E_NOT_FOUND: no acme/hello\n');
  });

  it('may carry codes this program does not know', async () => {
    const routes = { 'GET /v1/audit/verify': problem(409, 'E_FROM_THE_FUTURE', 'later') };
    const { exitCode, stderr } = await run(routes, 'audit:verify');
    expect(exitCode).toBe(1);
    expect(stderr).toContain('error E_BAD_REQUEST: later');
  });

  it('is no host when it speaks no JSON', async () => {
    const page: Answer = (_request, response) => response.end('<html>');
    const { exitCode, stderr } = await run({ 'GET /v1/audit/verify': page }, 'audit:verify');
    expect(exitCode).toBe(1);
    expect(stderr).toContain('error E_UNREACHABLE');
  });
});

describe('audit', () => {
  it('holds, or names the record where it broke', async () => {
    const good = await run({ 'GET /v1/audit/verify': json({ ok: true, records: 7 }) }, 'audit:verify');
    expect([good.exitCode, good.stdout]).toEqual([0, 'the audit chain holds: 7 records\n']);
    await api?.[Symbol.asyncDispose]();
    const broken = json({ ok: false, brokenAt: 4, reason: 'changed' });
    const bad = await run({ 'GET /v1/audit/verify': broken }, 'audit:verify', '-o', 'json');
    expect(bad.exitCode).toBe(1);
    expect(JSON.parse(bad.stdout)).toMatchObject({ error: { code: 'E_AUDIT_BROKEN' } });
  });

  it('is read page by page until there is enough', async () => {
    const page = (from: number, next: string | null) =>
      json({ records: [{ sequence: from }, { sequence: from - 1 }], next });
    const pages = inTurn(page(9, '/v1/audit?before=8'), page(7, '/v1/audit?before=6'), page(5, null));
    const { stdout, seen } = await run({ 'GET /v1/audit': pages }, 'audit:list', '-n', '3', '-o', 'json');
    expect(JSON.parse(stdout)).toEqual([{ sequence: 9 }, { sequence: 8 }, { sequence: 7 }]);
    expect(seen.map(({ url }) => url)).toEqual(['/v1/audit?limit=3', '/v1/audit?before=8']);
  });
});

describe('the token', () => {
  const routes = { 'GET /v1/extensions': json({ extensions: [], next: null }) };

  it('is the one of the local data folder', async () => {
    const { seen } = await run(routes, 'extension:list');
    expect(seen[0]?.headers.authorization).toBe('Bearer local-secret');
  });

  it('is the one that was given', async () => {
    const { seen } = await run(routes, 'extension:list', '--token', 'mine');
    expect(seen[0]?.headers.authorization).toBe('Bearer mine');
  });

  it('never follows a redirect', async () => {
    await using elsewhere = await controlApi(routes);
    const away: Answer = (_request, response) =>
      response.writeHead(307, { location: `${elsewhere.url}/v1/extensions` }).end();
    const { exitCode } = await run({ 'GET /v1/extensions': away }, 'extension:list');
    expect(exitCode).toBe(1);
    expect(elsewhere.seen).toEqual([]);
  });
});

describe('extension:health and extension:usage', () => {
  const process = { pid: 7, calls: 3, refused: { E_LIMIT_RATE: 4, E_LIMIT_WALL: 1 }, hostMs: 12 };
  const sample = {
    ...{ at: '2026-11-21T00:00:00.000Z', healthy: false, detail: { detail: 'sick' }, calls: 9, errors: 2 },
    ...{ cpuShare: 0.257, eventLoopShare: 0.0123, heapBytes: 5_000, restarts: 1 },
    ...{ refused: { E_LIMIT_EGRESS: 6 }, used: { egressSentBytes: 321 } },
  };
  const alert = {
    at: '2026-11-21T00:01:00.000Z',
    version: '1.0.0',
    code: 'E_LIMIT_WALL',
    detail: '5 broken\u001b[2K',
  };
  const health = { state: 'enabled', healthy: false, process, history: [sample], alerts: [alert] };

  it('shows how it is, how it was, and the alerts', async () => {
    const { exitCode, stdout } = await run(
      { [`GET ${HELLO}/health`]: json(health) },
      ...['extension:health', 'acme/hello'],
    );
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/state +enabled/);
    expect(stdout).toMatch(
      /00:00:00\.000Z +false +9 +2 +25\.7% +1\.2% +5000 +1 +E_LIMIT_EGRESS 6 +egressSentBytes 321/,
    );
    expect(stdout).toMatch(/00:01:00\.000Z +1\.0\.0 +E_LIMIT_WALL +5 broken/);
    expect(stdout).not.toContain('\u001b');
  });

  it('says so when there is nothing yet, and hands scripts everything', async () => {
    const nothing = { state: 'installed', healthy: null, process: null, history: [], alerts: [] };
    const text = await run({ [`GET ${HELLO}/health`]: json(nothing) }, 'extension:health', 'acme/hello');
    expect(text.stdout.match(/\(none\)/g)).toHaveLength(2);
    await api?.[Symbol.asyncDispose]();
    const routes = { [`GET ${HELLO}/health`]: json(health) };
    const { stdout } = await run(routes, 'extension:health', 'acme/hello', '--output', 'json');
    expect(JSON.parse(stdout)).toEqual(health);
  });

  it('shows grants with their use, limits, and what was used of the network', async () => {
    const usage = {
      capabilities: [{ name: 'network.outbound', granted: true, uses: 5, lastUsedAt: null, grantedAt: null }],
      ...{ limits: { cpuMs: 400 }, process },
      components: { total: { egressSentBytes: 900 }, sinceCheck: null },
      requests: [{ endpoint: 'GET /x/acme/hello/greet/:name', answers: { '2xx': 7, '4xx': 1 } }],
    };
    const { exitCode, stdout } = await run(
      { [`GET ${HELLO}/usage`]: json(usage) },
      ...['extension:usage', 'acme/hello'],
    );
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/network\.outbound +true +5/);
    expect(stdout).toMatch(/limits\ncpuMs +400/);
    expect(stdout).toMatch(/refused +E_LIMIT_RATE 4, E_LIMIT_WALL 1/);
    expect(stdout).toMatch(/since the host started\negressSentBytes +900/);
    expect(stdout).toMatch(/answers\nGET \/x\/acme\/hello\/greet\/:name +2xx 7, 4xx 1/);
    expect(stdout).not.toContain('since the last check');
  });
});

describe('following', () => {
  const event = (id: string, type: string) => ({
    ...{ event_id: id, event_type: type, timestamp: '2026-11-21T00:00:00.000Z', data: { n: 1 } },
    source: { component: 'kernel', extension: null },
  });

  it('shows the past once, then what comes, an item a line', async () => {
    const past = json({ events: [event('2', 'a.second'), event('1', 'a.first')], next: null });
    const coming = stream(
      [
        ['a.second', event('2', 'a.second')],
        ['a.third', event('3', 'a.third')],
      ],
      true,
    );
    api = await controlApi({
      'GET /v1/events': (request, response) =>
        (request.headers.accept === 'text/event-stream' ? coming : past)(request, response),
    });
    const { stdout } = await mag(['event:tail', '--follow', '-o', 'json'], {
      ...{ cwd: folder.path, env: { MAG_URL: api.url } },
      until: (text) => text.includes('a.third'),
    });
    const lines = stdout.trimEnd().split('\n');
    const ids = lines.map((line) => (JSON.parse(line) as { event_id: string }).event_id);
    expect(ids).toEqual(['1', '2', '3']);
  });

  it('ends with an error when the host goes away', async () => {
    const logs: Answer = (request, response) =>
      (request.headers.accept === 'text/event-stream' ? stream([]) : json({ lines: [] }))(request, response);
    const { exitCode, stderr } = await run(
      { [`GET ${HELLO}/logs`]: logs },
      ...['extension:logs', 'acme/hello', '-f'],
    );
    expect(exitCode).toBe(1);
    expect(stderr).toContain('error E_UNREACHABLE');
  });
});
