import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Author, type SignedPackage } from '../../support/author.ts';
import { type Answer, TestHost, until } from '../../support/host.ts';
import { serving } from '../../support/sources.ts';

interface Version {
  readonly name: string;
  readonly version: string;
  readonly code?: string;
  readonly capabilities?: readonly object[];
  readonly files?: Record<string, string>;
  readonly dependencies?: Record<string, string>;
  readonly limits?: object;
}

describe('switching versions', () => {
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

  const publish = ({ name, version, code = '', capabilities = [], files = {}, ...more }: Version) =>
    author.publish({
      manifest: serving(name, ['GET /version', 'GET /time'], {
        version,
        capabilities,
        ...('migrations/0001_a.up.sql' in files ? { migrations: 'migrations' } : {}),
        ...more,
      }),
      code: `export default { ${code} endpoints: {
        'GET /version': async () => { await new Promise((resolve) => setTimeout(resolve, 5)); return { body: '${version}' }; },
        'GET /time': async (_request, ctx) => ({ body: (await ctx.db.query('select now()::text as now')).rows }),
      } };`,
      files,
    });
  const switchTo = async (signed: SignedPackage, body: object = {}): Promise<Answer['body']> => {
    await host.stage(signed);
    return (await host.operate(signed.id, 'upgrade', { version: signed.version, ...body })).body;
  };
  const version = async (name: string) => (await host.ask('GET', `/x/acme/${name}/version`)).body;

  it('loses no request over upgrades and rollbacks', async () => {
    await host.run(await publish({ name: 'steady', version: '1.0.0' }));
    const seen: Answer[] = [];
    let on = true;
    const load = Promise.all(
      Array.from({ length: 8 }, async () => {
        while (on) {
          seen.push(await host.ask('GET', '/x/acme/steady/version'));
          await new Promise((resolve) => setTimeout(resolve, 10)); // else a busy machine does nothing besides
        }
      }),
    );
    try {
      for (const next of ['1.1.0', '1.2.0', '1.3.0']) {
        const operation = await switchTo(await publish({ name: 'steady', version: next }));
        expect([operation.state, operation.kind]).toEqual(['succeeded', 'upgrade']);
        expect((await host.operate('acme/steady', 'rollback')).body.state).toBe('succeeded');
        const again = await host.operate('acme/steady', 'rollback', { version: next });
        expect(again.body.state).toBe('succeeded');
        expect(await version('steady')).toBe(next);
      }
    } finally {
      on = false; // else it would go on beside the tests that follow
      await load;
    }
    expect(seen.filter(({ status }) => status !== 200).map(({ body }) => body)).toEqual([]);
    expect(new Set(seen.map(({ body }) => body))).toEqual(new Set(['1.0.0', '1.1.0', '1.2.0', '1.3.0']));
  });

  it.each([
    ['throws at load', `get nonsense() { return 1; }, ...(() => { throw new Error('no'); })(),`],
    ['throws in start()', `start: async () => { throw new Error('no'); },`],
    ['hangs in start()', 'start: () => new Promise(() => {}),'],
    ['loops in init()', 'init: () => { for (;;); },'],
    ['says it is not healthy', 'health: async () => ({ healthy: false }),'],
    [
      'fills its memory',
      'init: () => { const all = []; for (;;) all.push(new Array(100_000).fill(all.length)); },',
    ],
  ])('leaves the old version serving when the new one %s', async (what, code) => {
    const name = `firm-${what.replaceAll(/[^a-z]+/g, '-')}`;
    const limits = { wallMs: 1_000, cpuMs: 300, memoryMb: 32 };
    await host.run(await publish({ name, version: '1.0.0' }));
    const operation = await switchTo(await publish({ name, version: '2.0.0', code, limits }));
    expect(operation.state).toBe('rolled_back');
    expect(await version(name)).toBe('1.0.0');
    const shown = await host.show(`acme/${name}`);
    expect([shown.state, shown.version, shown.kept]).toEqual(['enabled', '1.0.0', []]);
  });

  it('runs on the grants it has until more is approved', async () => {
    const database = [{ name: 'database.read', reason: 'Reads the clock.' }];
    await host.run(await publish({ name: 'growing', version: '1.0.0' }));
    const next = await publish({ name: 'growing', version: '1.1.0', capabilities: database });
    await host.stage(next);
    const plan = (await host.ask('GET', '/v1/extensions/acme/growing/upgrade-plan?version=1.1.0')).body;
    expect(plan.capabilities.added.map(({ name }: { name: string }) => name)).toEqual(['database.read']);
    await switchTo(next);
    expect((await host.ask('GET', '/x/acme/growing/time')).body.code).toBe('E_CAP_REVOKED');
    await host.ask('PUT', '/v1/extensions/acme/growing/grants/database.read', { body: {} });
    expect((await host.ask('GET', '/x/acme/growing/time')).status).toBe(200);

    await switchTo(await publish({ name: 'growing', version: '1.2.0', capabilities: database }), {
      approve: 'all',
    });
    expect((await host.ask('GET', '/x/acme/growing/time')).status).toBe(200);
    expect(
      (await host.operate('acme/growing', 'upgrade', { version: '1.2.0', approve: ['network.inbound'] })).body
        .code,
    ).toMatch(/^E_(STATE|APPROVAL)$/);
  });

  it('expands tables with an upgrade and takes that back with a rollback', async () => {
    const first = {
      'migrations/0001_a.up.sql': 'CREATE TABLE a (id int);',
      'migrations/0001_a.down.sql': 'DROP TABLE a;',
    };
    const second = {
      ...first,
      'migrations/0002_b.up.sql': 'CREATE TABLE b (id int);',
      'migrations/0002_b.down.sql': 'DROP TABLE b;',
    };
    const stuck = { ...first, 'migrations/0002_c.up.sql': 'CREATE TABLE c (id int);' };
    const tables = async () =>
      (
        await host.database.pool.query(
          `SELECT tablename FROM pg_tables WHERE schemaname = 'ext_acme_tables' ORDER BY 1`,
        )
      ).rows.map(({ tablename }) => tablename);
    await host.run(await publish({ name: 'tables', version: '1.0.0', files: first }));
    await switchTo(await publish({ name: 'tables', version: '1.1.0', files: second }));
    expect(await tables()).toEqual(['a', 'b']);
    await host.operate('acme/tables', 'rollback');
    expect(await tables()).toEqual(['a']);
    // The version that was left is kept: a rollback of the rollback brings its tables with it.
    await host.operate('acme/tables', 'rollback');
    expect([await version('tables'), await tables()]).toEqual(['1.1.0', ['a', 'b']]);
    await host.operate('acme/tables', 'rollback');
    expect(await tables()).toEqual(['a']);

    await switchTo(await publish({ name: 'tables', version: '1.2.0', files: stuck }));
    expect((await host.operate('acme/tables', 'rollback', { version: '1.0.0' })).body.code).toBe(
      'E_IRREVERSIBLE',
    );
    expect(
      (await host.operate('acme/tables', 'rollback', { version: '1.0.0', force: true })).body.state,
    ).toBe('succeeded');
    expect([await version('tables'), await tables()]).toEqual(['1.0.0', ['a', 'c']]);
  });

  it('undoes the migrations of an upgrade that fails', async () => {
    const files = {
      'migrations/0001_a.up.sql': 'CREATE TABLE a (id int);',
      'migrations/0001_a.down.sql': 'DROP TABLE a;',
    };
    await host.run(await publish({ name: 'careful', version: '1.0.0' }));
    const operation = await switchTo(
      await publish({
        name: 'careful',
        version: '2.0.0',
        files,
        code: `init: () => { throw new Error('no'); },`,
      }),
    );
    expect(operation.state).toBe('rolled_back');
    const { rows } = await host.database.pool.query(
      `SELECT 1 FROM pg_tables WHERE schemaname = 'ext_acme_careful'`,
    );
    expect(rows).toEqual([]);
  });

  it('refuses what others cannot work with, what is not staged and what it is at already', async () => {
    await host.run(await publish({ name: 'base', version: '1.0.0' }));
    await host.run(
      await publish({ name: 'needy', version: '1.0.0', dependencies: { 'acme/base': '^1.0.0' } }),
    );
    const operation = await switchTo(await publish({ name: 'base', version: '2.0.0' }));
    expect(operation.error.code).toBe('E_DEPENDENTS');
    const upgrade = async (wanted: string) =>
      (await host.operate('acme/base', 'upgrade', { version: wanted })).body.code;
    expect(await upgrade('9.0.0')).toBe('E_NOT_FOUND');
    expect(await upgrade('1.0.0')).toBe('E_STATE');
    expect((await host.operate('acme/base', 'rollback')).body.code).toBe('E_NOT_FOUND');
  });

  it('upgrades what does not run without running it', async () => {
    await host.run(await publish({ name: 'resting', version: '1.0.0' }));
    await host.operate('acme/resting', 'disable');
    expect((await switchTo(await publish({ name: 'resting', version: '1.1.0' }))).state).toBe('succeeded');
    expect((await host.show('acme/resting')).state).toBe('disabled');
    await host.operate('acme/resting', 'enable');
    expect(await version('resting')).toBe('1.1.0');
  });

  it('tries what does not run with the rights it has, and no longer', async () => {
    const telling = (v: string) =>
      author.publish({
        manifest: serving('telling', ['GET /version'], {
          version: v,
          capabilities: [{ name: 'api.emit_events', reason: 'Tells.' }],
          contributes: {
            events: { publishes: [{ type: 'acme.telling.told', schema: 'schemas/told.json' }] },
          },
        }),
        code: `export default {
          endpoints: { 'GET /version': async () => ({ body: '${v}' }) },
          health: async (ctx) => { await ctx.events.publish('acme.telling.told', {}); return { healthy: true }; },
        };`,
        files: { 'schemas/told.json': '{ "type": "object" }' },
      });
    await host.run(await telling('1.0.0'));
    await host.operate('acme/telling', 'disable');
    expect((await switchTo(await telling('1.1.0'))).state).toBe('succeeded');
    expect((await host.show('acme/telling')).state).toBe('disabled');
    await host.operate('acme/telling', 'enable');
    expect(await version('telling')).toBe('1.1.0');
  });

  it('keeps events in order across versions, none lost', async () => {
    const counting = (v: string) =>
      author.publish({
        manifest: serving('counting', ['POST /emit', 'GET /seen'], {
          version: v,
          capabilities: [
            { name: 'api.emit_events', reason: 'Counts.' },
            { name: 'realtime.subscribe_events', reason: 'Hears itself.' },
          ],
          contributes: {
            events: {
              subscribes: ['acme.counting.counted'],
              publishes: [{ type: 'acme.counting.counted', schema: 'schemas/counted.json' }],
            },
          },
        }),
        code: `export default {
          endpoints: {
            'POST /emit': async (request, ctx) => { await ctx.events.publish('acme.counting.counted', { n: request.body.n }); return { status: 204 }; },
            'GET /seen': async (_request, ctx) => ({ body: (await ctx.state.get('seen')) ?? [] }),
          },
          events: { 'acme.counting.counted': async (event, ctx) => { const seen = (await ctx.state.get('seen')) ?? []; await ctx.state.set('seen', [...seen, event.data.n]); } },
        };`,
        files: { 'schemas/counted.json': '{ "type": "object" }' },
      });
    await host.run(await counting('1.0.0'));
    let n = 0;
    let on = true;
    const emitting = (async () => {
      while (on)
        expect((await host.ask('POST', '/x/acme/counting/emit', { body: { n: ++n } })).status).toBe(204);
    })();
    for (const v of ['1.1.0', '1.2.0']) expect((await switchTo(await counting(v))).state).toBe('succeeded');
    on = false;
    await emitting;
    const seen = await until(
      async () => (await host.ask('GET', '/x/acme/counting/seen')).body as number[],
      (numbers) => numbers.includes(n),
    );
    const distinct = [...new Set(seen)]; // delivery is at least once
    expect(distinct).toEqual(Array.from({ length: n }, (_, i) => i + 1));
  });
});
