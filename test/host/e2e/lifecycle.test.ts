import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Author, type ExtensionSource, type SignedPackage } from '../../support/author.ts';
import { TestHost } from '../../support/host.ts';
import { NEIGHBOUR, serving } from '../../support/sources.ts';

const DATABASE = [
  { name: 'database.read', reason: 'Reads notes.' },
  { name: 'database.write', reason: 'Writes notes.' },
];
const UP = 'CREATE TABLE notes (id int PRIMARY KEY, text text NOT NULL);';
const DOWN = 'DROP TABLE notes;';

const notes = (files: Record<string, string>, code = ''): ExtensionSource => ({
  manifest: serving('notes', ['GET /notes', 'POST /notes'], {
    capabilities: DATABASE,
    migrations: 'migrations',
  }),
  code: `export default { ${code} endpoints: {
    'GET /notes': async (_request, ctx) => ({ body: (await ctx.db.query('select * from notes order by id')).rows }),
    'POST /notes': async (request, ctx) => { await ctx.db.query('insert into notes values ($1, $2)', [request.body.id, request.body.text]); return { status: 201 }; },
  } };`,
  files,
});

describe('the life of an extension', () => {
  let host: TestHost;
  let author: Author;

  beforeAll(async () => {
    [host, author] = await Promise.all([TestHost.start(), Author.create('acme')]);
    await host.trust(author);
  });
  afterAll(async () => {
    await host[Symbol.asyncDispose]();
    await author[Symbol.asyncDispose]();
  });

  /** Everything in the database that could belong to an extension. */
  const traces = async (name: string) => {
    const { rows } = await host.database.pool.query(
      `SELECT 'role ' || rolname AS it FROM pg_roles WHERE rolname = $1 AND EXISTS (SELECT FROM mag.extension_roles WHERE extension_id = $2)
       UNION ALL SELECT 'schema ' || nspname FROM pg_namespace WHERE nspname = $1
       UNION ALL SELECT 'grant ' || capability FROM mag.grants WHERE extension = $2
       UNION ALL SELECT 'state ' || key FROM mag.state WHERE extension = $2`,
      [`ext_acme_${name}`, `acme/${name}`],
    );
    return rows.map(({ it }) => it as string);
  };
  const installed = async (signed: SignedPackage) => {
    await host.stage(signed);
    return (await host.operate(signed.id, 'install', { version: signed.version, approve: 'all' })).body;
  };

  it('goes from staged to uninstalled, each move an operation with its steps', async () => {
    const signed = await author.publish(
      notes({ 'migrations/0001_notes.up.sql': UP, 'migrations/0001_notes.down.sql': DOWN }),
    );
    const staged = await host.stage(signed);
    expect(staged.status).toBe(201);
    expect(staged.body).toMatchObject({
      id: 'acme/notes',
      version: '1.0.0',
      publisher: 'acme',
      tier: 'verified',
    });
    expect((await host.show(signed.id)).state).toBe('staged');

    const operation = await installed(signed);
    expect(operation).toMatchObject({ kind: 'install', state: 'succeeded' });
    expect(operation.steps.map((step: { state: string }) => step.state)).toEqual(
      operation.steps.map(() => 'done'),
    );
    expect((await host.show(signed.id)).state).toBe('installed');
    expect((await host.ask('GET', '/x/acme/notes/notes')).body.code).toBe('E_NOT_ENABLED');

    await host.operate(signed.id, 'enable');
    await host.ask('POST', '/x/acme/notes/notes', { body: { id: 1, text: 'kept' } });
    await host.operate(signed.id, 'disable');
    expect((await host.ask('GET', '/x/acme/notes/notes')).body.code).toBe('E_NOT_ENABLED');
    await host.operate(signed.id, 'enable');
    expect((await host.ask('GET', '/x/acme/notes/notes')).body).toEqual([{ id: 1, text: 'kept' }]);

    expect((await host.operate(signed.id, 'uninstall')).body.code).toBe('E_STATE');
    await host.operate(signed.id, 'disable');
    expect((await host.operate(signed.id, 'uninstall')).body.state).toBe('succeeded');
    expect(await traces('notes')).toEqual([]);
    expect((await host.ask('GET', '/v1/extensions/acme/notes')).body.code).toBe('E_NOT_FOUND');
    const { body } = await host.ask('GET', '/v1/events?component=kernel&limit=100');
    const moves = body.events
      .filter((event: { data: { extension: string } }) => event.data.extension === signed.id)
      .map((event: { event_type: string }) => event.event_type);
    expect(new Set(moves)).toEqual(
      new Set(['extension.installed', 'extension.enabled', 'extension.disabled', 'extension.uninstalled']),
    );
  });

  it('runs every phase of the extension in its turn, with its rights, and records who moved it', async () => {
    const phase = (name: string) =>
      `${name}: (ctx) => ctx.events.publish('acme.witness.phase', { name: '${name}' }).then(() => {})`;
    const signed = await author.publish({
      manifest: {
        name: 'witness',
        capabilities: [{ name: 'api.emit_events', reason: 'Tells its phases.' }],
        contributes: {
          events: { publishes: [{ type: 'acme.witness.phase', schema: 'schemas/phase.json' }] },
        },
      },
      code: `export default { ${['install', 'init', 'start', 'stop', 'uninstall'].map(phase).join(', ')} };`,
      files: { 'schemas/phase.json': '{ "type": "object" }' },
    });
    await host.run(signed);
    await host.operate(signed.id, 'disable');
    await host.operate(signed.id, 'uninstall');
    const { body } = await host.ask('GET', '/v1/events?type=acme.witness.phase');
    const phases = body.events.map((event: { data: { name: string } }) => event.data.name).reverse();
    expect(phases).toEqual(['install', 'init', 'start', 'stop', 'uninstall']);

    const { records } = (await host.ask('GET', '/v1/audit?limit=200')).body;
    const moves = records
      .filter((record: { target: string }) => record.target.startsWith(signed.id))
      .map((record: { action: string; outcome: string }) => `${record.action} ${record.outcome}`);
    expect(moves.reverse()).toEqual(
      ['stage', 'install', 'enable', 'disable', 'uninstall'].map((move) => `extension.${move} ok`),
    );
    expect(
      records.every((record: { principal: string }) =>
        /^(token:|extension:|host$|anonymous$)/.test(record.principal),
      ),
    ).toBe(true);
  });

  it('keeps data that it cannot take back, until told to purge', async () => {
    const keeper = async () => {
      const source = notes({ 'migrations/0001_notes.up.sql': UP });
      return author.publish({ ...source, manifest: { ...source.manifest, name: 'keeper' } });
    };
    await host.run(await keeper());
    await host.ask('POST', '/x/acme/keeper/notes', { body: { id: 7, text: 'precious' } });
    await host.operate('acme/keeper', 'disable');
    await host.operate('acme/keeper', 'uninstall');
    expect(await traces('keeper')).toEqual(['schema ext_acme_keeper']);

    await host.run(await keeper());
    expect((await host.ask('GET', '/x/acme/keeper/notes')).body).toEqual([{ id: 7, text: 'precious' }]);
    await host.operate('acme/keeper', 'disable');
    await host.operate('acme/keeper', 'uninstall', { purge: true });
    expect(await traces('keeper')).toEqual([]);
  });

  it.each<[string, Record<string, string>, string, string, object?]>([
    [
      'whose second migration fails',
      { 'migrations/0001_a.up.sql': UP, 'migrations/0002_b.up.sql': 'SELECT nonsense;' },
      '',
      'E_MIGRATION',
    ],
    [
      'whose install() throws',
      { 'migrations/0001_a.up.sql': UP },
      `install: async (ctx) => { await ctx.state.set('half', 1); throw new Error('no'); },`,
      'E_EXTENSION',
    ],
    [
      'whose install() never ends',
      { 'migrations/0001_a.up.sql': UP },
      'install: () => new Promise(() => {}),',
      'E_LIMIT_WALL',
      { wallMs: 500 },
    ],
    [
      'that never answers the ping',
      { 'migrations/0001_a.up.sql': UP },
      'health: () => new Promise(() => {}),',
      'E_HEALTH',
      { wallMs: 2_000 }, // as long has `install()`, which is to go well
    ],
    ['that does not parse', { 'migrations/0001_a.up.sql': UP }, '} syntax error {', 'E_EXTENSION'],
  ])('leaves nothing of an install %s', async (what, files, code, expected, limits = {}) => {
    const source = notes(files, code);
    const name = `broken-${what.replaceAll(/[^a-z]+/g, '-')}`;
    const signed = await author
      .publish({ ...source, manifest: { ...source.manifest, name, limits } })
      .catch((refused: { code: string }) => refused.code);
    if (typeof signed === 'string') return expect(signed).toBe('E_PKG_INVALID');
    const operation = await installed(signed);
    expect([operation.state, operation.error.code]).toEqual(['rolled_back', expected]);
    expect(await traces(name.replaceAll('-', '_'))).toEqual([]);
    expect(await traces(name)).toEqual([]);
    expect((await host.show(signed.id)).state).toBe('staged');
  });

  it.each([
    ['init() throws', `init: async () => { throw new Error('no'); }`, 'E_EXTENSION'],
    ['start() throws', `start: async () => { throw new Error('no'); }`, 'E_EXTENSION'],
    ['health() says so', 'health: async () => ({ healthy: false })', 'E_HEALTH'],
    ['the manifest promises more than the code has', 'endpoints: {}', 'E_HEALTH'],
  ])('stays disabled when %s', async (what, code, expected) => {
    const name = `sick-${what.replaceAll(/[^a-z]+/g, '-')}`;
    const signed = await author.publish({
      manifest: serving(name, ['GET /ping']),
      code: `export default { endpoints: { 'GET /ping': async () => ({}) }, ${code} };`,
    });
    await installed(signed);
    const { body } = await host.operate(signed.id, 'enable');
    expect([body.state, body.error.code]).toEqual(['rolled_back', expected]);
    expect((await host.show(signed.id)).state).toBe('disabled');
    expect((await host.ask('GET', `/x/acme/${name}/ping`)).body.code).toBe('E_NOT_ENABLED');
  });

  it('refuses an approval of what is not declared, before anything happens', async () => {
    const signed = await author.publish({
      ...NEIGHBOUR,
      manifest: { ...NEIGHBOUR.manifest, name: 'greedy' },
    });
    await host.stage(signed);
    const answer = await host.operate(signed.id, 'install', {
      version: '1.0.0',
      approve: ['database.admin'],
    });
    expect([answer.status, answer.body.code]).toEqual([422, 'E_APPROVAL']);
    expect((await host.show(signed.id)).operations).toEqual([]);
  });

  it('tells at staging, and refuses at install, what needs another MagFlock', async () => {
    const signed = await author.publish({
      ...NEIGHBOUR,
      manifest: { ...NEIGHBOUR.manifest, name: 'futuristic', engines: { magflock: '^9.0.0' } },
    });
    expect((await host.stage(signed)).body.warnings).toHaveLength(1);
    const { body } = await host.operate(signed.id, 'install', { version: '1.0.0', approve: 'all' });
    expect([body.state, body.error.code]).toEqual(['rolled_back', 'E_INCOMPATIBLE']);
  });

  it('checks configuration against the schema of the manifest', async () => {
    const signed = await author.publish({
      manifest: serving('tuned', ['GET /level'], {
        config: {
          type: 'object',
          additionalProperties: false,
          properties: { level: { type: 'integer', default: 3 } },
        },
      }),
      code: `export default { endpoints: { 'GET /level': async (_r, ctx) => ({ body: ctx.config.level }) } };`,
    });
    await host.stage(signed);
    const wrong = await host.operate(signed.id, 'install', {
      version: '1.0.0',
      approve: 'all',
      config: { level: 'high' },
    });
    expect(wrong.body.error?.code ?? wrong.body.code).toBe('E_CONFIG_INVALID');
    await host.run(signed);
    expect((await host.ask('GET', '/x/acme/tuned/level')).body).toEqual(3);
    expect(
      (await host.ask('PUT', '/v1/extensions/acme/tuned/config', { body: { level: 'x' } })).body.code,
    ).toBe('E_CONFIG_INVALID');
    expect(
      (await host.ask('PUT', '/v1/extensions/acme/tuned/config', { body: { level: 5 } })).status,
    ).toBeLessThan(300);
    await host.operate(signed.id, 'disable');
    await host.operate(signed.id, 'enable');
    expect((await host.ask('GET', '/x/acme/tuned/level')).body).toEqual(5);
  });

  it('starts dependencies first and keeps what others need', async () => {
    const base = await author.publish({ ...NEIGHBOUR, manifest: { ...NEIGHBOUR.manifest, name: 'base' } });
    const app = await author.publish({
      ...NEIGHBOUR,
      manifest: { ...NEIGHBOUR.manifest, name: 'app', dependencies: { 'acme/base': '^1.0.0' } },
    });
    const alone = await installed(app);
    expect(alone.error.code).toBe('E_DEPENDENCY');
    await installed(base);
    await installed(app);
    await host.operate('acme/app', 'enable');
    expect((await host.show('acme/base')).state).toBe('enabled');
    expect((await host.operate('acme/base', 'disable')).body.code).toBe('E_DEPENDENTS');
    await host.operate('acme/app', 'disable');
    await host.operate('acme/base', 'disable');
    expect((await host.operate('acme/base', 'uninstall')).body.code).toBe('E_DEPENDENTS');
  });

  it('is found as it was by the next start', async () => {
    await host.run(
      await author.publish({ ...NEIGHBOUR, manifest: { ...NEIGHBOUR.manifest, name: 'lasting' } }),
    );
    await host.run(
      await author.publish({ ...NEIGHBOUR, manifest: { ...NEIGHBOUR.manifest, name: 'resting' } }),
    );
    await host.operate('acme/resting', 'disable');
    const before = (await host.ask('GET', '/v1/audit/verify')).body.records;
    const token = host.token;
    await host.shutdown();
    await host.boot();
    expect(host.token).toBe(token);
    expect((await host.ask('GET', '/x/acme/lasting/ping')).body).toEqual({ pong: true });
    expect((await host.show('acme/resting')).state).toBe('disabled');
    const verified = (await host.ask('GET', '/v1/audit/verify')).body;
    expect(verified.ok).toBe(true);
    expect(verified.records).toBeGreaterThanOrEqual(before);
  });
});
