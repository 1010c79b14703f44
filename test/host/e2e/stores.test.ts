import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Author } from '../../support/author.ts';
import { TestHost, until } from '../../support/host.ts';
import { runMag } from '../../support/mag-in-process.ts';
import { startRedis, type TestRedis } from '../../support/redis.ts';
import { serving } from '../../support/sources.ts';

const redis: TestRedis | null = await startRedis();

/** Does what the body says on a store, in the tenant of the request. */
const keeper = (name: string, scope?: readonly string[]) => ({
  manifest: serving(name, ['POST /do'], {
    capabilities: [
      {
        name: 'system.stores',
        reason: 'Keeps things.',
        ...(scope === undefined ? {} : { scope: { names: scope } }),
      },
    ],
  }),
  code: `export default { endpoints: { 'POST /do': async ({ body: { store, call, args } }, ctx) => ({
    body: { answer: (await ctx.stores.use(store)[call](...args)) ?? null },
  }) } };`,
});

describe.skipIf(redis === null)('stores', () => {
  const { url, prefix } = redis as TestRedis;
  let host: TestHost;
  let author: Author;
  let globex: string;

  const use = async (
    store: string,
    call: string,
    args: unknown[],
    { name = 'keeper', token = host.token, on = host }: { name?: string; token?: string; on?: TestHost } = {},
  ) => {
    const { status, body } = await on.ask('POST', `/x/acme/${name}/do`, {
      body: { store, call, args },
      token,
    });
    return status === 200 ? body.answer : body.code;
  };
  const mag = (argv: string[], stdin?: string) =>
    runMag(argv, {
      env: { MAG_URL: host.url, MAG_DATA_DIR: host.dataDir },
      cwd: host.dataDir,
      ...(stdin === undefined ? {} : { stdin }),
    });

  beforeAll(async () => {
    [host, author] = await Promise.all([TestHost.start(), Author.create('acme')]);
    await host.trust(author);
    await host.run(await author.publish(keeper('keeper')));
    const made = await host.ask('POST', '/v1/tokens', {
      body: { name: 'globex', role: 'user', tenant: 't_globex' },
    });
    expect(made.status).toBe(201);
    globex = made.body.token;
  });
  afterAll(async () => {
    await redis?.[Symbol.asyncDispose]();
    await host[Symbol.asyncDispose]();
    await author[Symbol.asyncDispose]();
  });

  it('are one in the database of the host from the start, apart from ctx.state', async () => {
    expect(await use('postgres', 'set', ['k', { a: 1 }])).toEqual({ version: 1 });
    expect(await use('postgres', 'getVersioned', ['k'])).toEqual({ value: { a: 1 }, version: 1 });
    expect(await use('postgres', 'get', ['k'], { token: globex })).toBeNull();
    expect(await use('postgres', 'append', ['s', 'one'])).toEqual({ id: 1 });
    expect(await use('postgres', 'read', ['s'])).toEqual([{ id: 1, value: 'one' }]);
    const { rows } = await host.database.pool.query('SELECT 1 FROM mag.state');
    expect(rows).toEqual([]);
  });

  it('are connected while hosts run, and every host finds them', async () => {
    expect(await use('fast', 'get', ['k'])).toBe('E_STORE_UNKNOWN');
    const beside = await host.startBeside();
    try {
      const added = await mag(['store:add', 'fast', url, '--prefix', prefix]);
      expect(added).toMatchObject({
        exitCode: 0,
        stdout: expect.stringMatching(/fast answers: Redis .*nobody/),
      });
      expect(await use('fast', 'set', ['k', 'v'])).toEqual({ version: 1 });
      await until(
        () => use('fast', 'get', ['k'], { on: beside }),
        (value) => value === 'v',
      );
    } finally {
      await beside[Symbol.asyncDispose]();
    }
    const { body } = await host.ask('GET', '/v1/stores');
    expect(body.stores).toMatchObject([
      { name: 'postgres', url: null },
      { name: 'fast', kind: 'redis', url },
    ]);
    const [record] = (await host.ask('GET', '/v1/audit?action=store.add')).body.records;
    expect(record).toMatchObject({ target: 'store:fast', outcome: 'ok' });
  });

  it('keep extensions and tenants apart in Redis, by what the host knows of them', async () => {
    await host.run(await author.publish(keeper('other')));
    expect(await use('fast', 'get', ['k'], { token: globex })).toBeNull();
    expect(await use('fast', 'get', ['k'], { name: 'other' })).toBeNull();
    await use('fast', 'set', ['k', 'of globex'], { token: globex });
    await use('fast', 'append', ['room:1', 'hello'], { token: globex });
    expect(await use('fast', 'get', ['k'])).toBe('v');
    expect(await use('fast', 'streams', [])).toEqual([]);
    expect(await redis?.send('HGET', `${prefix}:{acme/keeper}:t_globex:values`, 'k')).toBe('1:"of globex"');
    const keys = (await redis?.send('KEYS', `${prefix}:*`)) as string[];
    expect(keys.every((key) => key.startsWith(`${prefix}:{acme/keeper}:`))).toBe(true);
  });

  it('are held to the scope that was granted', async () => {
    await host.run(await author.publish(keeper('narrow', ['fast'])));
    expect(await use('fast', 'set', ['k', 1], { name: 'narrow' })).toEqual({ version: 1 });
    expect(await use('postgres', 'get', ['k'], { name: 'narrow' })).toBe('E_CAP_SCOPE');
    await host.ask('DELETE', '/v1/extensions/acme/narrow/grants/system.stores');
    expect(await use('fast', 'get', ['k'], { name: 'narrow' })).toBe('E_CAP_REVOKED');
  });

  it('refuse content as ctx.state does', async () => {
    for (const store of ['postgres', 'fast']) {
      expect(await use(store, 'set', ['', 1])).toBe('E_PARAMS');
      expect(await use(store, 'set', ['a\0b', 1])).toBe('E_PARAMS');
      expect(await use(store, 'set', ['big', 'x'.repeat(256 * 1_024)])).toBe('E_STATE_QUOTA');
      expect(await use(store, 'append', ['t', 1, { id: 3 }])).toEqual({ id: 3 });
      expect(await use(store, 'append', ['t', 1, { id: 3 }])).toBe('E_EXISTS');
      for (const key of ['1', '2', '3', '4', '5', '6'])
        await use(store, 'set', [`large ${key}`, 'x'.repeat(190_000)]);
      expect(await use(store, 'list', [{ prefix: 'large' }])).toBe('E_LIMIT_OUTPUT');
      expect(await use(store, 'list', [{ prefix: 'large', limit: 4 }])).toHaveLength(4);
    }
  });

  it('that do not answer fail what is asked, and nothing stands in for them', async () => {
    redis?.shut();
    expect(await use('fast', 'set', ['k', 'lost'])).toBe('E_STORE_UNAVAILABLE');
    expect(await use('fast', 'get', ['k'])).toBe('E_STORE_UNAVAILABLE');
    const checked = await mag(['store:check', 'fast']);
    expect(checked.stdout).toMatch(/fast cannot be used: .*E_STORE_UNAVAILABLE/);
    expect(checked.stdout).not.toContain('127.0.0.1');
    expect((await host.ask('DELETE', '/v1/stores/fast')).body.code).toBe('E_STORE_UNAVAILABLE');
    const { rows } = await host.database.pool.query(`SELECT 1 FROM mag.store_entries WHERE value = '"lost"'`);
    expect(rows).toEqual([]);
    redis?.open();
    expect(await use('fast', 'get', ['k'])).toBe('v');
  });

  it('are entered with a secret of the host, which nobody is shown', async () => {
    const [user, password] = [
      `test-${randomBytes(6).toString('hex')}`,
      `geheim${randomBytes(6).toString('hex')}`,
    ];
    await redis?.send('ACL', 'SETUSER', user, 'on', `>${password}`, `~${prefix}:*`, '+@all');
    try {
      const body = { name: 'guarded', url, prefix, username: user, passwordSecret: 'REDIS_PASSWORD' };
      const early = await host.ask('POST', '/v1/stores', { body });
      expect(early.body.check).toMatchObject({
        ok: false,
        detail: expect.stringContaining('REDIS_PASSWORD'),
      });
      expect((await mag(['secret:set', 'REDIS_PASSWORD'], 'wrong')).exitCode).toBe(0);
      expect(await use('guarded', 'get', ['k'])).toBe('E_STORE_UNAVAILABLE');
      await mag(['secret:set', 'REDIS_PASSWORD'], password);
      expect(await use('guarded', 'get', ['k'])).toBe('v');
      const shown = [
        early,
        await host.ask('GET', '/v1/stores'),
        await host.ask('GET', '/v1/audit?limit=200'),
      ];
      expect(JSON.stringify(shown)).not.toContain(password);
    } finally {
      await redis?.send('ACL', 'DELUSER', user);
    }
  });

  it.each([
    ['redis://user:geheim@127.0.0.1:6379/0', /credentials/],
    ['redis://:geheim@127.0.0.1:6379', /credentials/],
    ['http://127.0.0.1/', /redis: or rediss:/],
    ['redis://127.0.0.1/zero', /number of a database/],
  ])('are not connected at %s', async (address, words) => {
    const { status, body } = await host.ask('POST', '/v1/stores', { body: { name: 'wrong', url: address } });
    expect([status, body.code]).toEqual([400, 'E_BAD_REQUEST']);
    expect(body.detail).toMatch(words);
    const onRecord = await host.ask('GET', '/v1/audit?action=store.add');
    expect(JSON.stringify([body, onRecord.body])).not.toContain('geheim');
  });

  it('are the business of operators', async () => {
    const made = await host.ask('POST', '/v1/tokens', { body: { name: 'auditor', role: 'auditor' } });
    const { token } = made.body;
    expect((await host.ask('GET', '/v1/stores', { token })).status).toBe(200);
    const added = await host.ask('POST', '/v1/stores', { token, body: { name: 'mine', url } });
    expect([added.status, (await host.ask('DELETE', '/v1/stores/fast', { token })).status]).toEqual([
      403, 403,
    ]);
    expect((await host.ask('POST', '/v1/stores', { body: { name: 'postgres', url } })).status).toBe(409);
    expect((await host.ask('DELETE', '/v1/stores/postgres')).body.code).toBe('E_STATE');
    expect((await host.ask('GET', '/v1/stores/nowhere/check')).body.code).toBe('E_STORE_UNKNOWN');
  });

  it('outlive a restart of the host', async () => {
    await host.shutdown();
    await host.boot();
    expect(await use('fast', 'getVersioned', ['k'])).toEqual({ value: 'v', version: 1 });
    expect(await use('postgres', 'get', ['k'])).toEqual({ a: 1 });
  });

  it('are disconnected when nobody keeps anything there, or by force', async () => {
    const refused = await host.ask('DELETE', '/v1/stores/fast');
    expect(refused.body).toMatchObject({ code: 'E_STATE', detail: expect.stringContaining('acme/keeper') });
    for (const name of ['keeper', 'narrow', 'other']) {
      await host.operate(`acme/${name}`, 'disable');
      const { body } = await host.operate(`acme/${name}`, 'uninstall', { purge: true });
      expect(body.state).toBe('succeeded');
    }
    expect(await redis?.send('KEYS', `${prefix}:*`)).toEqual([]);
    expect((await host.ask('DELETE', '/v1/stores/fast')).status).toBe(200);
    expect((await mag(['store:remove', 'guarded', '--force'])).exitCode).toBe(0);
    expect((await host.ask('GET', '/v1/stores')).body.stores).toHaveLength(1);
  });
});
