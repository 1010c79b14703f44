import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Author } from '../../support/author.ts';
import { TestHost, until } from '../../support/host.ts';
import { serving } from '../../support/sources.ts';

const ID = 'acme/growing';
const START = 'start the new version beside the old one';
const READS = { name: 'database.read', reason: 'Reads.' };
const WRITES = { name: 'database.write', reason: 'Writes.' };
const EMITS = { name: 'api.emit_events', reason: 'Tells.' };

describe('grants that change while a version is being switched', () => {
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
  beforeEach(async () => {
    await host.operate(ID, 'disable');
    await host.operate(ID, 'uninstall', { purge: true });
  });

  /** A version whose `start()` waits for the test, and then does something. */
  const publish = (version: string, capabilities: readonly object[], start = '') =>
    author.publish({
      manifest: {
        ...serving('growing', ['GET /ok'], { capabilities: [...capabilities] }),
        version,
        limits: { wallMs: 60_000 },
        migrations: 'migrations',
      },
      files: {
        'migrations/0001_t.up.sql': 'create table t (n int);',
        'migrations/0001_t.down.sql': 'drop table t;',
      },
      code: `export default {
        start: async (ctx) => { ${start} },
        endpoints: { 'GET /ok': async () => ({ body: '${version}' }) },
      };`,
    });

  const upgradeUntilItStarts = async (version: string, approve: readonly string[]) => {
    const { body } = await host.ask('POST', `/v1/extensions/${ID}/upgrade`, { body: { version, approve } });
    await until(
      async () => (await host.ask('GET', `/v1/operations/${body.operation}`)).body,
      ({ steps }) =>
        steps.some(({ name, state }: Record<string, string>) => name === START && state === 'running'),
    );
    return async () => (await host.ask('GET', `/v1/operations/${body.operation}?wait=60`)).body;
  };
  const granted = async () =>
    (await host.show(ID)).grants.map(({ capability }: { capability: string }) => capability).sort();
  const WAIT = 'await new Promise((resolve) => setTimeout(resolve, 3_000));';

  it('leave the new version what it declares beyond the old one', async () => {
    await host.run(await publish('1.0.0', [READS, EMITS]));
    const start = `${WAIT} await ctx.db.query('insert into t values (1)');`;
    await host.stage(await publish('1.1.0', [READS, EMITS, WRITES], start));
    const ended = await upgradeUntilItStarts('1.1.0', ['database.write']);
    await host.ask('DELETE', `/v1/extensions/${ID}/grants/api.emit_events`);
    expect(await ended()).toMatchObject({ state: 'succeeded' });
    expect(await host.show(ID)).toMatchObject({ state: 'enabled', version: '1.1.0' });
    expect(await granted()).toEqual(['api.register_endpoint', 'database.read', 'database.write']);
  });

  it('stay as the operator left them when the new version fails', async () => {
    await host.run(await publish('2.0.0', [READS, EMITS]));
    await host.stage(await publish('2.1.0', [READS, EMITS, WRITES], `${WAIT} throw new Error('no');`));
    const ended = await upgradeUntilItStarts('2.1.0', ['database.write']);
    await host.ask('DELETE', `/v1/extensions/${ID}/grants/api.emit_events`);
    expect(await ended()).toMatchObject({ state: 'rolled_back' });
    expect(await host.show(ID)).toMatchObject({ state: 'enabled', version: '2.0.0' });
    // What was approved for the new version is gone with it.
    expect(await granted()).toEqual(['api.register_endpoint', 'database.read']);
  });

  it('are not given back by approving all of what is new', async () => {
    await host.run(await publish('3.0.0', [READS, EMITS]));
    await host.ask('DELETE', `/v1/extensions/${ID}/grants/api.emit_events`);
    await host.stage(await publish('3.1.0', [READS, EMITS, WRITES]));
    const { body } = await host.operate(ID, 'upgrade', { version: '3.1.0', approve: 'all' });
    expect(body).toMatchObject({ state: 'succeeded' });
    expect(await granted()).toEqual(['api.register_endpoint', 'database.read', 'database.write']);
  });
});
