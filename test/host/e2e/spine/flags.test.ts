import { setTimeout as sleep } from 'node:timers/promises';
import { OFREPApi } from '@openfeature/ofrep-core';
import { OFREPProvider } from '@openfeature/ofrep-provider';
import { type Client, OpenFeature } from '@openfeature/server-sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, TestHost, until } from '../../../support/host.ts';
import { runMag } from '../../../support/mag-in-process.ts';
import { startRedis, type TestRedis } from '../../../support/redis.ts';

const redis: TestRedis | null = await startRedis();
const MOUNT = '/x/magflock/flags';
const ROUTING = '/x/magflock/routing';
const current = { 'if-match': '*' };

describe.skipIf(redis === null)('magflock/flags', () => {
  let host: TestHost;
  const tokens: Record<string, string> = {};

  const ask = (
    method: string,
    path: string,
    { as = 'a', ...options }: { as?: string; body?: unknown; headers?: Record<string, string> } = {},
  ): Promise<Answer> => host.ask(method, `${MOUNT}${path}`, { ...options, token: tokens[as] ?? null });
  const codeOf = ({ status, body }: Answer) => [status, body?.code];
  const make = async (body: object, as = 'a', query = ''): Promise<Answer> => {
    const made = await ask('POST', `/flags${query}`, { as, body });
    expect(made.status, JSON.stringify(made.body)).toBe(201);
    return made;
  };
  const mag = (...argv: string[]) =>
    runMag(argv, { env: { MAG_URL: host.url, MAG_DATA_DIR: host.dataDir }, cwd: host.dataDir });
  const inRedis = async (tenant: string) =>
    Number(await redis?.send('HLEN', `${redis.prefix}:{magflock/routing}:${tenant}:values`));

  /** The stock client, with nothing but an address and headers. */
  const client = async (
    token: string | undefined,
    headers: [string, string][] = [],
    on = host,
  ): Promise<Client> => {
    const domain = `flags-${Math.random()}`;
    const provider = new OFREPProvider({
      baseUrl: `${on.url}${MOUNT}`,
      headers: [['authorization', `Bearer ${token}`], ...headers],
    });
    await OpenFeature.setProviderAndWait(domain, provider);
    return OpenFeature.getClient(domain);
  };

  beforeAll(async () => {
    host = await TestHost.start({ MAG_JOB_BACKOFF_MS: '200', MAG_RATE_LIMIT: '0' });
    const installed = await mag(
      'extension:install',
      'magflock/flags',
      '--approve',
      'all',
      '--enable',
      '--yes',
    );
    if (installed.exitCode !== 0) throw new Error(installed.stderr);
    for (const [name, role, tenant] of [
      ['a', 'tenant-admin', 't_a'],
      ['member-of-a', 'user', 't_a'],
      ['b', 'tenant-admin', 't_b'],
      ['c', 'flag-editor', 't_c'],
    ] as const)
      tokens[name] = (await host.ask('POST', '/v1/tokens', { body: { name, role, tenant } })).body.token;
    const { url, prefix } = redis as TestRedis;
    const added = await host.ask('POST', '/v1/stores', { body: { name: 'fast', url, prefix } });
    expect(added.body.check.ok).toBe(true);
  });
  afterAll(async () => {
    await OpenFeature.clearProviders();
    await redis?.[Symbol.asyncDispose]();
    await host[Symbol.asyncDispose]();
  });

  describe('with the stock OpenFeature client', () => {
    const vip = { attribute: 'plan', operator: 'equals', value: 'vip' };

    it('is a boolean, a text, a number and an object', async () => {
      await make({ key: 'new-cart', type: 'boolean', defaultVariant: 'on' });
      const text = { red: '#f00', blue: '#00f' };
      await make({ key: 'color', type: 'string', variants: text, defaultVariant: 'red' });
      await make({ key: 'rate', type: 'number', variants: { low: 0.5 }, defaultVariant: 'low' });
      await make({ key: 'seats', type: 'integer', variants: { few: 3 }, defaultVariant: 'few' });
      const layout = { columns: 2, parts: ['a', { b: null }] };
      await make({ key: 'layout', type: 'object', variants: { two: layout }, defaultVariant: 'two' });
      const flags = await client(tokens['member-of-a']);
      expect(await flags.getBooleanDetails('new-cart', false)).toMatchObject({
        value: true,
        variant: 'on',
        reason: 'STATIC',
        flagMetadata: { version: 1, scope: 'tenant' },
      });
      expect(await flags.getStringValue('color', 'none')).toBe('#f00');
      expect(await flags.getNumberValue('rate', 0)).toBe(0.5);
      expect(await flags.getNumberValue('seats', 0)).toBe(3);
      expect(await flags.getObjectValue('layout', {})).toEqual(layout);
    });

    it('is what rules and a rollout say', async () => {
      const beta = { attribute: 'app.version', operator: 'semverGreaterOrEqual', value: '2.0.0' };
      await make({
        key: 'checkout',
        type: 'boolean',
        rules: [
          { name: 'vips', when: { all: [vip, beta] }, variant: 'on' },
          {
            name: 'half of Sweden',
            when: { attribute: 'country', operator: 'in', value: ['SE'] },
            rollout: { weights: { on: 50, off: 50 } },
          },
        ],
      });
      const flags = await client(tokens['member-of-a']);
      const details = (context: object) =>
        flags.getBooleanDetails('checkout', false, { targetingKey: 'ada', ...context });
      expect(await details({ plan: 'vip', app: { version: '2.1.0' } })).toMatchObject({
        value: true,
        reason: 'TARGETING_MATCH',
        flagMetadata: { rule: 'vips' },
      });
      expect(await details({ plan: 'vip', app: { version: '1.9.0' } })).toMatchObject({
        value: false,
        reason: 'DEFAULT',
      });
      const swedes = await Promise.all(
        Array.from({ length: 60 }, (_, n) => details({ targetingKey: `user-${n}`, country: 'SE' })),
      );
      expect(new Set(swedes.map(({ reason }) => reason))).toEqual(new Set(['SPLIT']));
      expect(new Set(swedes.map(({ value }) => value))).toEqual(new Set([true, false]));
      expect(
        (await ask('PATCH', '/flags/checkout', { body: { enabled: false }, headers: current })).status,
      ).toBe(200);
      await expect.poll(() => details({ plan: 'vip' })).toMatchObject({ value: false, reason: 'DISABLED' });
    });

    it('is the default of the caller when there is no value, with the code of OpenFeature', async () => {
      const flags = await client(tokens['member-of-a']);
      expect(await flags.getBooleanDetails('gone', true)).toMatchObject({
        value: true,
        errorCode: 'FLAG_NOT_FOUND',
      });
      expect(await flags.getStringDetails('new-cart', 'x')).toMatchObject({
        value: 'x',
        errorCode: 'TYPE_MISMATCH',
      });
      await make({ key: 'shared', type: 'boolean', rollout: { weights: { on: 1, off: 1 } } });
      expect(await flags.getBooleanDetails('shared', true)).toMatchObject({
        errorCode: 'TARGETING_KEY_MISSING',
      });
      const crowded = { targetingKey: 'ada', text: 'x'.repeat(70_000) };
      expect(await flags.getBooleanDetails('shared', true, crowded)).toMatchObject({
        errorCode: 'INVALID_CONTEXT',
      });
      const nobody = await client('nobody');
      expect(await nobody.getBooleanDetails('new-cart', false)).toMatchObject({
        value: false,
        reason: 'ERROR',
      });
      const foreigner = await client(tokens.b, [['x-tenant-id', 't_a']]);
      expect(await foreigner.getBooleanDetails('new-cart', false)).toMatchObject({
        value: false,
        reason: 'ERROR',
      });
    });

    it('is all of them at once, and not again what is known', async () => {
      const api = new OFREPApi(`${host.url}${MOUNT}`);
      const bulk = (etag?: string) =>
        api.postBulkEvaluateFlags(
          { context: { targetingKey: 'ada' } },
          {
            headers: [
              ['authorization', `Bearer ${tokens.a}`],
              ...(etag ? [['if-none-match', etag] as [string, string]] : []),
            ],
          },
        );
      const first = await bulk();
      expect(first).toMatchObject({ httpStatus: 200 });
      const { flags } = first.value as { flags: { key: string; value: unknown }[] };
      expect(flags.map(({ key }) => key)).toEqual([
        'checkout',
        'color',
        'layout',
        'new-cart',
        'rate',
        'seats',
        'shared',
      ]);
      const etag = first.httpResponse?.headers.get('etag') ?? '';
      expect((await bulk(etag)).httpStatus).toBe(304);
      expect(
        (await ask('PATCH', '/flags/color', { body: { defaultVariant: 'blue' }, headers: current })).status,
      ).toBe(200);
      await expect.poll(async () => (await bulk(etag)).httpStatus).toBe(200);
    });

    it('is that of the app, else of the surface, else of the tenant', async () => {
      const named = (name: string) => ({
        key: 'where',
        type: 'string',
        variants: { it: name },
        defaultVariant: 'it',
      });
      await make(named('tenant'));
      await make(named('surface'), 'a', '?surface=squared');
      await make(named('app'), 'a', '?app=shop');
      const where = async (...headers: [string, string][]) =>
        (await client(tokens.a, headers)).getStringDetails('where', 'none');
      await expect
        .poll(() => where(['x-app-id', 'shop'], ['x-surface-id', 'squared']))
        .toMatchObject({
          value: 'app',
          flagMetadata: { scope: 'app/shop' },
        });
      expect(await where(['x-surface-id', 'squared'], ['x-app-id', 'other'])).toMatchObject({
        value: 'surface',
      });
      expect(await where()).toMatchObject({ value: 'tenant' });
      const places = await ask('GET', '/scopes');
      expect(places.body.scopes).toEqual([
        { surface: null, app: null },
        { surface: null, app: 'shop' },
        { surface: 'squared', app: null },
      ]);
    });

    it('waits when it is told to, as it does not count for others', async () => {
      const env = { MAG_RATE_LIMIT: '5' };
      const strict = await TestHost.start(env, { ...host.database, drop: async () => {} });
      try {
        const flags = await client(tokens['member-of-a'], [], strict);
        const values = [];
        for (let n = 0; n < 6; n += 1) values.push(await flags.getBooleanDetails('new-cart', false));
        expect(values.map(({ value }) => value)).toEqual([true, true, true, true, true, false]);
        expect(await flags.getBooleanDetails('new-cart', false)).toMatchObject({
          errorMessage: expect.stringContaining('paused due to TooManyRequests until'),
        });
      } finally {
        await strict[Symbol.asyncDispose]();
      }
    });
  });

  describe('kept', () => {
    it('is made, read, changed and removed with its ETag, and keeps its history', async () => {
      const made = await make({ key: 'life', type: 'boolean', tags: ['short'] }, 'b');
      expect([made.headers.get('etag'), made.headers.get('location')]).toEqual([
        '"1"',
        `${MOUNT}/flags/life`,
      ]);
      expect(
        codeOf(await ask('POST', '/flags', { as: 'b', body: { key: 'life', type: 'boolean' } })),
      ).toEqual([409, 'EXISTS']);
      const write = (method: string, headers: Record<string, string>, body?: unknown) =>
        ask(method, '/flags/life', { as: 'b', headers, ...(body === undefined ? {} : { body }) });
      expect(codeOf(await write('PATCH', {}, { enabled: false }))).toEqual([428, 'PRECONDITION_REQUIRED']);
      expect(codeOf(await write('PUT', {}, { type: 'boolean' }))).toEqual([428, 'PRECONDITION_REQUIRED']);
      const rollout = { weights: { on: 10, off: 90 } };
      const patched = await write('PATCH', { 'if-match': '"1"' }, { rollout });
      expect([patched.status, patched.headers.get('etag'), patched.body]).toMatchObject([
        200,
        '"2"',
        { rollout, tags: ['short'] },
      ]);
      expect(codeOf(await write('PATCH', { 'if-match': '"1"' }, { enabled: false }))).toEqual([412, 'STALE']);
      expect(codeOf(await write('PUT', { 'if-match': '"2"' }, { type: 'date' }))).toEqual([400, 'INVALID']);
      expect((await write('PATCH', { 'if-match': '"2"' }, { rollout: null })).body.rollout).toBeUndefined();
      const read = await ask('GET', '/flags/life', { as: 'b', headers: { 'if-none-match': '"3"' } });
      expect(read.status).toBe(304);
      expect((await write('DELETE', { 'if-match': '"3"' })).status).toBe(204);
      expect(codeOf(await ask('GET', '/flags/life', { as: 'b' }))).toEqual([404, 'NOT_FOUND']);
      expect(codeOf(await write('DELETE', current))).toEqual([404, 'NOT_FOUND']);
      const again = await write('PUT', { 'if-none-match': '*' }, { type: 'boolean' });
      expect([again.status, again.headers.get('etag')]).toEqual([201, '"5"']);
      const { body } = await ask('GET', '/flags/life/history', { as: 'b' });
      const shape = ({ change, version, by }: Record<string, unknown>) => [change, version, typeof by];
      expect(body.changes.map(shape)).toEqual([
        ['created', 1, 'string'],
        ['updated', 2, 'string'],
        ['updated', 3, 'string'],
        ['removed', 4, 'string'],
        ['created', 5, 'string'],
      ]);
      const events = await host.ask('GET', '/v1/events?type=magflock.flags.changed&limit=1');
      expect(events.body.events[0].data).toEqual({
        ...{ tenant: 't_b', surface: null, app: null, key: 'life', version: 5, change: 'created' },
      });
    });

    it('loses no change of two at the same time', async () => {
      await make({ key: 'raced', type: 'boolean' }, 'b');
      const racers = Array.from({ length: 6 }, (_, n) =>
        ask('PATCH', '/flags/raced', {
          as: 'b',
          headers: { 'if-match': '"1"' },
          body: { description: `${n}` },
        }),
      );
      const statuses = (await Promise.all(racers)).map(({ status }) => status).sort();
      expect(statuses).toEqual([200, 412, 412, 412, 412, 412]);
    });

    it('is there page by page, and by its tags', async () => {
      for (let n = 0; n < 5; n += 1) await make({ key: `page-${n}`, type: 'boolean', tags: ['paged'] }, 'c');
      await make({ key: 'untagged', type: 'boolean' }, 'c');
      const found: string[] = [];
      for (let cursor: string | null = ''; cursor !== null; ) {
        const { body }: Answer = await ask('GET', `/flags?tag=paged&limit=2&cursor=${cursor}`, { as: 'c' });
        found.push(...body.items.map(({ key }: { key: string }) => key));
        cursor = body.next;
      }
      expect(found).toEqual(['page-0', 'page-1', 'page-2', 'page-3', 'page-4']);
      for (const query of ['limit=0', 'limit=x', 'limit=1&limit=2', 'surface=a&app=b', 'app=..'])
        expect(codeOf(await ask('GET', `/flags?${query}`, { as: 'c' }))).toEqual([400, 'INVALID']);
    });

    it('is read by members, changed by those who may, and nobody of another tenant', async () => {
      const body = { key: 'mine', type: 'boolean' };
      const as = 'member-of-a';
      expect((await ask('GET', '/flags/new-cart', { as })).status).toBe(200);
      const refused = [
        await ask('POST', '/flags', { as, body }),
        await ask('PUT', '/flags/new-cart', { as, body: { type: 'boolean' }, headers: current }),
        await ask('PATCH', '/flags/new-cart', { as, body: {}, headers: current }),
        await ask('DELETE', '/flags/new-cart', { as, headers: current }),
        await ask('GET', '/flags/new-cart', { as: 'b', headers: { 'x-tenant-id': 't_a' } }),
        await ask('GET', '/flags', { as: 'nobody' }),
      ];
      expect(refused.map(({ status }) => status)).toEqual([403, 403, 403, 403, 403, 401]);
      expect(codeOf(await ask('GET', '/flags/new-cart', { as: 'b' }))).toEqual([404, 'NOT_FOUND']);
      expect(codeOf(await ask('DELETE', '/flags/new-cart', { as: 'b', headers: current }))).toEqual([
        404,
        'NOT_FOUND',
      ]);
    });

    it('is told to others later, when it could not be told at once', async () => {
      const grant = '/v1/extensions/magflock/flags/grants/api.emit_events';
      expect((await host.ask('DELETE', grant)).status).toBeLessThan(300);
      await make({ key: 'silent', type: 'boolean' }, 'b');
      expect((await host.ask('PUT', grant, { body: {} })).status).toBeLessThan(300);
      const events = () => host.ask('GET', '/v1/events?type=magflock.flags.changed&limit=5');
      const told = { tenant: 't_b', surface: null, app: null, key: 'silent', version: 1, change: 'updated' };
      await expect
        .poll(async () => (await events()).body.events.map(({ data }: { data: unknown }) => data), {
          timeout: 30_000,
        })
        .toContainEqual(told);
    });

    it('is seen on every host within a second', async () => {
      const beside = await host.startBeside();
      try {
        const there = await client(tokens.b, [], beside);
        await make({ key: 'switch', type: 'boolean' }, 'b');
        for (const on of [true, false, true]) {
          const defaultVariant = on ? 'on' : 'off';
          await there.getBooleanValue('switch', false); // what it has now is what was before
          await ask('PATCH', '/flags/switch', { as: 'b', body: { defaultVariant }, headers: current });
          await sleep(1_000);
          expect(await there.getBooleanValue('switch', !on)).toBe(on);
        }
      } finally {
        await beside[Symbol.asyncDispose]();
      }
    });

    it('is in the hands of whoever types', async () => {
      const rules = [{ when: { attribute: 'plan', operator: 'equals', value: 'vip' }, variant: 'on' }];
      const run = (name: string, ...argv: string[]) => mag(`magflock/flags:${name}`, ...argv);
      expect((await run('set', 'typed')).exitCode).toBe(0);
      const set = await run('set', 'typed', JSON.stringify({ type: 'boolean', rules }));
      expect(set).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('"version": 2') });
      const vip = ['typed', '--targeting', 'ada', '--context', '{"plan":"vip"}'];
      await expect
        .poll(async () => (await run('evaluate', ...vip)).stdout)
        .toContain('true (on, TARGETING_MATCH)');
      expect((await run('disable', 'typed')).exitCode).toBe(0);
      await expect
        .poll(async () => (await run('evaluate', ...vip)).stdout)
        .toContain('false (off, DISABLED)');
      expect((await run('enable', 'typed')).exitCode).toBe(0);
      expect((await run('rollout', 'typed', 'on=100', 'off=0')).exitCode).toBe(0);
      const split = () => run('evaluate', 'typed', '--targeting', 'ada');
      await expect.poll(async () => (await split()).stdout).toContain('true (on, SPLIT)');
      expect((await run('rollout', 'typed', 'none')).stdout).not.toContain('rollout');
      expect((await run('list')).stdout).toContain('typed: boolean, enabled, version 6');
      expect((await run('get', 'typed', '--app', 'shop')).exitCode).toBe(1);
      expect((await run('rollout', 'typed', 'on')).exitCode).toBe(1);
      expect((await run('remove', 'typed')).stdout).toContain('removed typed');
      expect((await run('evaluate', 'typed')).exitCode).toBe(1);
    });
  });

  describe('stored where routing says', () => {
    const route = (tenant: string, store: string, more: object = {}) =>
      host.ask('POST', `${ROUTING}/entries`, { body: { tenant, kind: 'feature_flags', store, ...more } });
    /** Of a whole tenant, or of an app of it: what a surface has is placed and moved by itself. */
    const placed = async (tenant: string, app: string | null = null) => {
      const { body } = await host.ask('GET', `${ROUTING}/placements`);
      // biome-ignore lint/suspicious/noExplicitAny: rows of another extension
      const isIt = (place: any) => place.tenant === tenant && !place.surface && (place.app || null) === app;
      return body.placements.find(isIt);
    };

    it('moves from Postgres to Redis for one tenant while it is used, and is right after a restart', async () => {
      const before = (await ask('GET', '/flags?limit=200', { as: 'b' })).body;
      for (let n = 0; n < 40; n += 1) await make({ key: `moved-${n}`, type: 'boolean' });
      expect((await placed('t_a')).store).toBe('postgres');
      const flags = await client(tokens['member-of-a']);
      let isOver = false;
      const wrong: unknown[] = [];
      const last = new Map<string, string>();
      const writers = [0, 1, 2].map(async (writer) => {
        for (let n = writer; !isOver; n += 3) {
          const key = `moved-${n % 39}`;
          const description = `change ${n}`;
          const { status, body } = await ask('PATCH', `/flags/${key}`, {
            body: { description },
            headers: current,
          });
          if (status === 200) last.set(key, description);
          else wrong.push([key, status, body]);
          await sleep(10); // else a busy machine hardly comes to move anything
        }
      });
      const readers = [0, 1].map(async () => {
        while (!isOver) {
          const details = await flags.getBooleanDetails('new-cart', false);
          if (details.value !== true) wrong.push(details);
          await sleep(20);
        }
      });
      expect((await route('t_a', 'fast')).status).toBe(201);
      await until(
        () => placed('t_a'),
        (place) => place.store === 'fast',
        100_000, // the sweep of the next minute goes on with what has failed too often
      ).finally(() => {
        isOver = true;
      });
      await Promise.all([...writers, ...readers]);
      expect(wrong).toEqual([]);
      expect(last.size).toBeGreaterThan(0);
      expect(await inRedis('t_a')).toBeGreaterThan(40);
      expect(await inRedis('t_b')).toBe(0);

      await host.shutdown();
      await host.boot();
      for (const [key, description] of last)
        expect((await ask('GET', `/flags/${key}`)).body).toMatchObject({ key, description });
      const after = await client(tokens['member-of-a']);
      expect(await after.getBooleanDetails('new-cart', false)).toMatchObject({
        value: true,
        reason: 'STATIC',
      });
      expect(await after.getStringValue('color', 'none')).toBe('#00f');
      expect((await ask('GET', '/flags/checkout/history')).body.changes).toHaveLength(2);
      expect((await placed('t_b')).store).toBe('postgres');
      expect((await ask('GET', '/flags?limit=200', { as: 'b' })).body).toEqual(before);
    });

    it('lets an app of a tenant be elsewhere than the tenant', async () => {
      await route('t_c', 'fast', { app: 'shop' });
      await make({ key: 'far', type: 'boolean', defaultVariant: 'on' }, 'c', '?app=shop');
      expect([(await placed('t_c')).store, (await placed('t_c', 'shop')).store]).toEqual([
        'postgres',
        'fast',
      ]);
      const flags = await client(tokens.c, [['x-app-id', 'shop']]);
      await expect.poll(() => flags.getBooleanValue('far', false)).toBe(true);
    });

    it('says that the store does not answer, and goes on when it does', async () => {
      redis?.shut();
      const flags = await client(tokens['member-of-a']);
      await expect
        .poll(() => flags.getBooleanDetails('new-cart', false))
        .toMatchObject({
          value: false,
          errorCode: 'GENERAL',
          errorMessage: expect.stringContaining('STORE_UNAVAILABLE'),
        });
      expect(codeOf(await ask('GET', '/flags/new-cart'))).toEqual([503, 'STORE_UNAVAILABLE']);
      redis?.open();
      await expect.poll(() => flags.getBooleanValue('new-cart', false)).toBe(true);
    });

    it('fails fast, and names what is missing, where routing says nothing', async () => {
      const { body } = await host.ask('GET', `${ROUTING}/entries?tenant=t_system&kind=feature_flags`);
      const entry = `${ROUTING}/entries/${body.entries[0].id}`;
      expect((await host.ask('DELETE', entry)).status).toBe(200);
      const missing = 'feature_flags for tenant t_b';
      const flags = await client(tokens.b);
      await expect
        .poll(() => flags.getBooleanDetails('life', true))
        .toMatchObject({
          value: true,
          errorCode: 'GENERAL',
          errorMessage: expect.stringContaining(missing),
        });
      const refused = await ask('POST', '/flags', { as: 'b', body: { key: 'x', type: 'boolean' } });
      expect([...codeOf(refused), refused.body.detail]).toEqual([
        ...[503, 'ROUTE_MISSING', expect.stringContaining(missing)],
      ]);
      expect(await (await client(tokens.a)).getBooleanValue('new-cart', false)).toBe(true);
      expect((await route('t_system', 'postgres')).status).toBe(201);
      await expect
        .poll(() => flags.getBooleanDetails('life', true))
        .toMatchObject({ value: false, reason: 'STATIC' });
    });
  });
});
