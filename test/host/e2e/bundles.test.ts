import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { schemaName } from '../../../adapters/magds/names.ts';
import { Author, type SignedPackage } from '../../support/author.ts';
import { TestHost } from '../../support/host.ts';
import { NOTHING, remainsOf } from '../../support/remains.ts';
import { serving } from '../../support/sources.ts';

interface MemberSource {
  readonly version?: string;
  /** Members of the definition, in front of the endpoints. */
  readonly code?: string;
  readonly dependencies?: Record<string, string>;
  readonly capabilities?: readonly object[];
  readonly migrations?: Record<string, string>;
}

const BROKEN = `init: () => { throw new Error('no'); },`;

describe('bundles', () => {
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

  const stage = async (signed: SignedPackage) => {
    const staged = await host.stage(signed);
    expect([staged.status, staged.body.code]).toEqual([201, undefined]);
    return staged.body;
  };
  const member = async (name: string, source: MemberSource = {}): Promise<SignedPackage> => {
    const { version = '1.0.0', code = '', dependencies = {}, capabilities = [], migrations = {} } = source;
    const files = Object.entries(migrations).map(([file, sql]) => [`migrations/${file}`, sql]);
    const signed = await author.publish({
      manifest: serving(name, ['GET /version'], {
        ...{ version, dependencies, capabilities },
        ...(files.length > 0 ? { migrations: 'migrations' } : {}),
      }),
      code: `export default { ${code} endpoints: { 'GET /version': async () => ({ body: '${version}' }) } };`,
      files: Object.fromEntries(files),
    });
    await stage(signed);
    return signed;
  };
  const bundle = async (name: string, version: string, members: Record<string, string>) => {
    const signed = await author.publishBundle(
      name,
      version,
      Object.fromEntries(Object.entries(members).map(([id, range]) => [`acme/${id}`, range])),
    );
    return stage(signed);
  };
  const operate = async (name: string, kind: Parameters<TestHost['operate']>[1], body?: object) =>
    (await host.operate(`acme/${name}`, kind, body)).body;
  const install = (name: string, version = '1.0.0', more: object = {}) =>
    operate(name, 'install', { version, approve: 'all', ...more });
  const run = async (name: string) => {
    expect(await install(name)).toMatchObject({ state: 'succeeded' });
    expect(await operate(name, 'enable')).toMatchObject({ state: 'succeeded' });
  };
  const served = async (...names: string[]) =>
    Promise.all(names.map(async (name) => (await host.ask('GET', `/x/acme/${name}/version`)).body));
  const states = async (...names: string[]) =>
    Promise.all(names.map(async (name) => (await host.show(`acme/${name}`)).state));
  /** Everything an installed extension has, in the places where it would be left. */
  const remains = (name: string) => remainsOf(host.database, `acme/${name}`);

  it('installs, enables, shows, disables and uninstalls its members, dependencies first', async () => {
    await member('whole-b', { dependencies: { 'acme/whole-a': '^1.0.0' } });
    const staged = await bundle('whole', '1.0.0', { 'whole-b': '^1.0.0', 'whole-a': '^1.0.0' });
    expect(staged).toMatchObject({
      kind: 'bundle',
      warnings: ['its member acme/whole-a ^1.0.0 is not staged'],
    });
    await member('whole-a', { version: '1.1.0' });
    await member('whole-a', { version: '1.2.0' });
    await member('whole-a', { version: '2.0.0' });

    const installed = await install('whole');
    expect(installed.state).toBe('succeeded');
    const names = installed.steps.map(({ name }: { name: string }) => name);
    expect(names.indexOf('acme/whole-a: record')).toBeLessThan(
      names.indexOf('acme/whole-b: verify signature'),
    );
    expect(names.at(-1)).toBe('record');
    expect(await states('whole', 'whole-a', 'whole-b')).toEqual(['installed', 'installed', 'installed']);
    expect(await remains('whole-a')).toEqual({ schemas: 1, roles: 1, grants: 1, locks: 0 });
    expect(await remains('whole')).toEqual(NOTHING);

    expect((await operate('whole', 'enable')).state).toBe('succeeded');
    expect(await served('whole-a', 'whole-b')).toEqual(['1.2.0', '1.0.0']);
    const shown = await host.show('acme/whole');
    expect(shown).toMatchObject({ kind: 'bundle', state: 'enabled', health: { healthy: true }, grants: [] });
    expect(shown.members).toEqual([
      { id: 'acme/whole-b', range: '^1.0.0', state: 'enabled', version: '1.0.0', satisfied: true },
      { id: 'acme/whole-a', range: '^1.0.0', state: 'enabled', version: '1.2.0', satisfied: true },
    ]);
    expect((await host.ask('GET', '/v1/extensions/acme/whole/config')).body).toEqual({});
    const listed = (await host.ask('GET', '/v1/extensions?limit=1000')).body.extensions;
    expect(listed.find(({ id }: { id: string }) => id === 'acme/whole')).toMatchObject({ kind: 'bundle' });

    await host.shutdown();
    await host.boot();
    expect(await states('whole', 'whole-a', 'whole-b')).toEqual(['enabled', 'enabled', 'enabled']);
    expect(await served('whole-a', 'whole-b')).toEqual(['1.2.0', '1.0.0']);

    expect((await operate('whole', 'uninstall')).code).toBe('E_STATE');
    expect((await operate('whole', 'disable')).state).toBe('succeeded');
    expect(await states('whole', 'whole-a', 'whole-b')).toEqual(['disabled', 'disabled', 'disabled']);
    const alone = await operate('whole-b', 'uninstall');
    expect([alone.code, alone.detail]).toEqual(['E_DEPENDENTS', expect.stringContaining('acme/whole ')]);
    expect((await operate('whole', 'uninstall')).state).toBe('succeeded');
    for (const name of ['whole', 'whole-a', 'whole-b']) {
      expect((await host.ask('GET', `/v1/extensions/acme/${name}`)).status).toBe(404);
      expect(await remains(name)).toEqual(NOTHING);
    }
    const audit = JSON.stringify((await host.ask('GET', '/v1/audit?limit=200')).body);
    expect(audit).toContain('"members":["acme/whole-b","acme/whole-a"]');
    expect(audit).toContain('"bundle":"acme/whole"');
  });

  it('leaves nothing of any member when one cannot be installed', async () => {
    await member('half-a', {
      migrations: { '0001_a.up.sql': 'CREATE TABLE a (id int);', '0001_a.down.sql': 'DROP TABLE a;' },
      capabilities: [{ name: 'database.read', reason: 'Reads.' }],
    });
    await member('half-b', {
      code: `install: () => { throw new Error('no'); },`,
      dependencies: { 'acme/half-a': '*' },
    });
    await bundle('half', '1.0.0', { 'half-a': '^1.0.0', 'half-b': '^1.0.0' });
    const operation = await install('half');
    expect(operation).toMatchObject({ state: 'rolled_back', error: { code: 'E_EXTENSION' } });
    const undone = operation.steps.filter(({ state }: { state: string }) => state === 'undone');
    expect(undone.map(({ name }: { name: string }) => name)).toContain('acme/half-a: create role and schema');
    expect(await states('half', 'half-a', 'half-b')).toEqual(['staged', 'staged', 'staged']);
    for (const name of ['half', 'half-a', 'half-b']) expect(await remains(name)).toEqual(NOTHING);
  });

  it('leaves alone what was there before, also when it is undone or uninstalled', async () => {
    await host.run(await member('older'));
    await member('newer');
    await member('newer-broken', { code: `install: () => { throw new Error('no'); },` });
    await bundle('mixed-bad', '1.0.0', { older: '^1.0.0', 'newer-broken': '^1.0.0' });
    expect((await install('mixed-bad')).state).toBe('rolled_back');
    expect([await states('older'), await served('older')]).toEqual([['enabled'], ['1.0.0']]);

    await bundle('mixed', '1.0.0', { older: '^1.0.0', newer: '^1.0.0' });
    await run('mixed');
    expect(await served('older', 'newer')).toEqual(['1.0.0', '1.0.0']);
    await operate('mixed', 'disable');
    expect((await operate('mixed', 'uninstall')).state).toBe('succeeded');
    expect((await host.ask('GET', '/v1/extensions/acme/newer')).status).toBe(404);
    expect(await states('older')).toEqual(['disabled']);
  });

  it('names what is missing, incompatible or circular, and starts nothing', async () => {
    await member('lone', { version: '1.0.0' });
    await bundle('lacking', '1.0.0', { lone: '^2.0.0', absent: '^1.0.0' });
    const missing = await install('lacking');
    expect(missing.code).toBe('E_DEPENDENCY');
    expect(missing.detail).toContain('acme/lone ^2.0.0 is not staged, staged are 1.0.0');
    expect(missing.detail).toContain('acme/absent ^1.0.0 is not staged');

    await host.run(await member('fixed'));
    await member('fixed', { version: '2.0.0' });
    await bundle('unfit', '1.0.0', { fixed: '^2.0.0' });
    const unfit = await install('unfit');
    expect([unfit.code, unfit.detail]).toEqual([
      'E_DEPENDENCY',
      'incompatible: acme/unfit -> acme/fixed is installed as 1.0.0, needed is ^2.0.0',
    ]);

    await member('round-a', { dependencies: { 'acme/round-b': '*' } });
    await member('round-b', { dependencies: { 'acme/round-a': '*' } });
    await bundle('round', '1.0.0', { 'round-a': '*', 'round-b': '*' });
    expect((await install('round')).detail).toContain('circular dependency: acme/round -> acme/round-a');
    await bundle('nested', '1.0.0', { round: '*' });
    expect((await install('nested')).detail).toContain('only extensions can be members');
    expect(await states('lacking', 'unfit', 'round', 'nested')).toEqual(Array(4).fill('staged'));
  });

  it('grants what was approved, for all members or for one', async () => {
    const reads = [{ name: 'database.read', reason: 'Reads.' }];
    await member('ask-a', { capabilities: reads });
    await member('ask-b', { capabilities: reads });
    const staged = await bundle('ask', '1.0.0', { 'ask-a': '*', 'ask-b': '*' });
    expect(staged.capabilities).toContainEqual({ ...reads[0], member: 'acme/ask-b' });
    const wanting = (approve: string[]) => install('ask', '1.0.0', { approve });
    expect((await wanting(['network.outbound'])).code).toBe('E_APPROVAL');
    expect((await wanting(['acme/older:database.read'])).code).toBe('E_APPROVAL');
    const config = { 'acme/ask-c': {} };
    expect((await install('ask', '1.0.0', { config })).code).toBe('E_CONFIG_INVALID');
    await wanting(['api.register_endpoint', 'acme/ask-b:database.read']);
    const granted = async (name: string) =>
      (await host.show(`acme/${name}`)).grants.map(({ capability }: { capability: string }) => capability);
    expect(await granted('ask-a')).toEqual(['api.register_endpoint']);
    expect(await granted('ask-b')).toEqual(['api.register_endpoint', 'database.read']);
    const path = '/v1/extensions/acme/ask/grants/database.read';
    expect((await host.ask('PUT', path, { body: {} })).body.code).toBe('E_STATE');
  });

  it('enables all members or none', async () => {
    await member('on-a');
    await member('on-b', { code: BROKEN, dependencies: { 'acme/on-a': '*' } });
    await bundle('on', '1.0.0', { 'on-a': '*', 'on-b': '*' });
    await install('on');
    const operation = await operate('on', 'enable');
    expect(operation.state).toBe('rolled_back');
    expect(await states('on', 'on-a', 'on-b')).toEqual(['installed', 'installed', 'installed']);
    expect((await host.show('acme/on')).reason.code).toBe('E_EXTENSION');
    expect((await host.ask('GET', '/x/acme/on-a/version')).status).toBe(503);
  });

  it('is upgraded and rolled back as one, also over versions that only go together', async () => {
    const base = (version: string) =>
      member('pair-base', {
        version,
        migrations: {
          '0001_a.up.sql': 'CREATE TABLE a (id int);',
          '0001_a.down.sql': 'DROP TABLE a;',
          ...(version === '1.0.0'
            ? {}
            : { '0002_b.up.sql': 'CREATE TABLE b (id int);', '0002_b.down.sql': 'DROP TABLE b;' }),
        },
      });
    const needs = { '1.0.0': '^1.0.0', '2.0.0': '^2.0.0' };
    const top = (version: keyof typeof needs) =>
      member('pair-top', { version, dependencies: { 'acme/pair-base': needs[version] } });
    await base('1.0.0');
    await top('1.0.0');
    await bundle('pair', '1.0.0', { 'pair-base': '^1.0.0', 'pair-top': '^1.0.0' });
    await run('pair');
    await base('2.0.0');
    await top('2.0.0');
    await member('pair-extra', { dependencies: { 'acme/pair-base': '^2.0.0' } });
    await bundle('pair', '2.0.0', { 'pair-base': '^2.0.0', 'pair-top': '^2.0.0', 'pair-extra': '*' });
    expect((await operate('pair-base', 'upgrade', { version: '2.0.0' })).code).toBe('E_DEPENDENTS');

    const plan = (await host.ask('GET', '/v1/extensions/acme/pair/upgrade-plan?version=2.0.0')).body;
    expect(plan.members.map(({ id, from, to }: Record<string, string>) => [id, from, to])).toEqual([
      ['acme/pair-base', '1.0.0', '2.0.0'],
      ['acme/pair-extra', null, '1.0.0'],
      ['acme/pair-top', '1.0.0', '2.0.0'],
    ]);
    expect(plan.migrations.run).toEqual(['acme/pair-base: 0002_b']);
    const upgraded = await operate('pair', 'upgrade', { version: '2.0.0', approve: 'all' });
    expect([upgraded.state, upgraded.error]).toEqual(['succeeded', undefined]);
    expect(await served('pair-base', 'pair-top', 'pair-extra')).toEqual(['2.0.0', '2.0.0', '1.0.0']);
    const shown = await host.show('acme/pair');
    expect([shown.version, shown.kept[0].version, shown.state]).toEqual(['2.0.0', '1.0.0', 'enabled']);

    const rolled = await operate('pair', 'rollback');
    expect([rolled.state, rolled.error]).toEqual(['succeeded', undefined]);
    expect(await served('pair-base', 'pair-top')).toEqual(['1.0.0', '1.0.0']);
    const { detail } = rolled.steps.find(({ name }: { name: string }) => name === 'record');
    expect(detail).toBe('no longer members, and cannot work with them: acme/pair-extra');
    expect(await states('pair', 'pair-extra')).toEqual(['enabled', 'disabled']);
    expect((await operate('pair-extra', 'uninstall')).state).toBe('succeeded');
    const { rows } = await host.database.pool.query('SELECT tablename FROM pg_tables WHERE schemaname = $1', [
      schemaName('acme/pair-base'),
    ]);
    expect(rows).toEqual([{ tablename: 'a' }]);
  });

  it('leaves every member on its old version, serving, when one new version is broken', async () => {
    for (const name of ['firm-a', 'firm-b', 'firm-c']) await member(name);
    await bundle('firm', '1.0.0', { 'firm-a': '*', 'firm-b': '*' });
    await run('firm');
    await member('firm-a', { version: '1.1.0' });
    await member('firm-b', { version: '1.1.0', code: BROKEN });
    await bundle('firm', '1.1.0', { 'firm-a': '*', 'firm-c': '*', 'firm-b': '*' });
    const seen: number[] = [];
    let on = true;
    const load = (async () => {
      while (on) seen.push((await host.ask('GET', '/x/acme/firm-a/version')).status);
    })();
    const operation = await operate('firm', 'upgrade', { version: '1.1.0', approve: 'all' });
    on = false;
    await load;
    expect(operation.state).toBe('rolled_back');
    expect(new Set(seen)).toEqual(new Set([200]));
    expect(await served('firm-a', 'firm-b')).toEqual(['1.0.0', '1.0.0']);
    expect(await states('firm', 'firm-a', 'firm-b', 'firm-c')).toEqual([
      'enabled',
      'enabled',
      'enabled',
      'staged',
    ]);
    expect(await remains('firm-c')).toEqual(NOTHING);
    const [shown, a] = [await host.show('acme/firm'), await host.show('acme/firm-a')];
    expect([shown.version, shown.kept, a.version, a.kept]).toEqual(['1.0.0', [], '1.0.0', []]);
  });

  it('is neither disabled nor uninstalled under others that need its members', async () => {
    await member('need-a');
    await bundle('need', '1.0.0', { 'need-a': '*' });
    await run('need');
    await host.run(await member('need-user', { dependencies: { 'acme/need-a': '*' } }));
    const refused = await operate('need', 'disable');
    expect([refused.code, refused.detail]).toEqual([
      'E_DEPENDENTS',
      expect.stringContaining('acme/need-user'),
    ]);
    await operate('need-user', 'disable');
    expect((await operate('need', 'disable')).state).toBe('succeeded');

    const operation = await operate('need', 'uninstall');
    expect(operation.state).toBe('succeeded');
    const { detail } = operation.steps.find(({ name }: { name: string }) => name === 'record');
    expect(detail).toBe('stay, others have or need them: acme/need-a');
    expect(await states('need-a', 'need-user')).toEqual(['disabled', 'disabled']);
  });

  it('shares members: the last bundle takes them along', async () => {
    await member('shared');
    await bundle('first', '1.0.0', { shared: '*' });
    await bundle('second', '1.0.0', { shared: '*' });
    await run('first');
    await run('second');
    const stopped = await operate('first', 'disable');
    const { detail } = stopped.steps.find(({ name }: { name: string }) => name === 'record');
    expect(detail).toBe('go on, other bundles have them: acme/shared');
    expect(await served('shared')).toEqual(['1.0.0']);
    expect((await operate('first', 'uninstall')).state).toBe('succeeded');
    expect(await states('shared')).toEqual(['enabled']);
    await operate('second', 'disable');
    expect(await states('shared')).toEqual(['disabled']);
    expect((await operate('second', 'uninstall')).state).toBe('succeeded');
    expect((await host.ask('GET', '/v1/extensions/acme/shared')).status).toBe(404);
  });

  it('stands beside a member that is quarantined or moved alone', async () => {
    const rogue = `export default { endpoints: { 'GET /rob': (_request, ctx) => ctx.db.query('select 1') } };`;
    const manifest = serving('solo-rogue', ['GET /rob']);
    await stage(await author.publish({ manifest, code: rogue }));
    await member('solo-good');
    await bundle('solo', '1.0.0', { 'solo-rogue': '*', 'solo-good': '^1.0.0' });
    await run('solo');
    await host.ask('GET', '/x/acme/solo-rogue/rob');
    expect(await states('solo', 'solo-rogue', 'solo-good')).toEqual(['enabled', 'quarantined', 'enabled']);
    const health = (await host.ask('GET', '/v1/extensions/acme/solo/health')).body;
    expect(health).toMatchObject({ state: 'enabled', healthy: false, history: [], alerts: [] });
    expect((await operate('solo', 'disable')).state).toBe('succeeded');
    expect(await states('solo', 'solo-rogue', 'solo-good')).toEqual(['disabled', 'quarantined', 'disabled']);
    const again = await operate('solo', 'enable');
    expect([again.code, again.detail]).toEqual(['E_STATE', expect.stringContaining('quarantined')]);

    await member('solo-good', { version: '2.0.0' });
    const away = await operate('solo-good', 'upgrade', { version: '2.0.0' });
    expect([away.code, away.detail]).toEqual(['E_DEPENDENTS', expect.stringContaining('acme/solo needs')]);
  });

  it('refuses an id that is known as another kind, and what it cannot offer', async () => {
    await member('one-kind');
    const signed = await author.publishBundle('one-kind', '1.0.1', { 'acme/older': '*' });
    expect((await host.stage(signed)).body.code).toBe('E_PKG_INVALID');
    await expect(
      author.publishBundle('paid', '1.0.0', { 'acme/older': '*' }, { requires: { license: 'pro' } }),
    ).rejects.toMatchObject({ code: 'E_UNSUPPORTED' });
    await bundle('future', '1.0.0', { older: '*' });
    const signedFuture = await author.publishBundle(
      'future',
      '1.1.0',
      { 'acme/older': '*' },
      { engines: { magflock: '^9.0.0' } },
    );
    expect((await stage(signedFuture)).warnings).toEqual([expect.stringContaining('needs MagFlock ^9.0.0')]);
    expect((await install('future', '1.1.0')).code).toBe('E_INCOMPATIBLE');
    expect((await install('future', '9.9.9')).code).toBe('E_NOT_FOUND');
  });
});
