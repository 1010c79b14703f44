import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Author } from '../../../support/author.ts';
import { publishExample } from '../../../support/example.ts';
import { TestHost, until } from '../../../support/host.ts';
import { HostProcess } from '../../../support/host-process.ts';
import { runMag } from '../../../support/mag-in-process.ts';
import { startRedis, type TestRedis } from '../../../support/redis.ts';
import { serving } from '../../../support/sources.ts';

const redis: TestRedis | null = await startRedis();

/** Calls routing with whatever it is sent, in the tenant of the request. */
const consumer = (name: string) => ({
  manifest: {
    ...serving(name, ['POST /call']),
    dependencies: { 'magflock/routing': '^1.0.0' },
    limits: { wallMs: 30_000 }, // as long as routing itself has
  },
  code: `export default { endpoints: { 'POST /call': async ({ body: { method, params } }, ctx) => {
    try { return { body: { answer: await ctx.extensions.call('magflock/routing', method, params) } }; }
    catch ({ code, message }) { return { body: { code, message } }; }
  } } };`,
});

interface Place {
  readonly tenant: string;
  readonly kind: string;
  readonly caller: string;
  readonly app: string;
  readonly store: string;
  readonly move: { readonly state: string } | null;
}

const ROUTING = '/x/magflock/routing';
/** A move that has failed as often as it may is tried again by the sweep of the next minute. */
const SWEPT_MS = 100_000;

describe.skipIf(redis === null)('magflock/routing', { timeout: 240_000 }, () => {
  let host: TestHost;
  let author: Author;
  const tokens: Record<string, string> = {};
  /** Where it is asked: the host of this process, or the one that is to be killed. */
  let base = '';

  const ask = async (
    method: string,
    path: string,
    {
      as = 'system',
      body,
      headers = {},
    }: { as?: string; body?: unknown; headers?: Record<string, string> } = {},
  ) => {
    const response = await fetch(base + path, {
      method,
      headers: {
        authorization: `Bearer ${tokens[as]}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    // biome-ignore lint/suspicious/noExplicitAny: bodies of every shape
    return { status: response.status, headers: response.headers, body: JSON.parse(text || 'null') as any };
  };
  const call = async (as: string, method: string, params: unknown, name = 'notes') =>
    (await ask('POST', `/x/acme/${name}/call`, { as, body: { method, params } })).body;
  const got = async (as: string, key: string, kind = 'memory', name = 'notes') =>
    (await call(as, 'kvGet', { kind, key }, name)).answer?.value ?? null;
  const route = async (tenant: string, kind: string, store: string, more: object = {}) => {
    const made = await ask('POST', `${ROUTING}/entries`, { body: { tenant, kind, store, ...more } });
    if (made.status !== 409) return made;
    const { body } = await ask('GET', `${ROUTING}/entries?tenant=${tenant}&kind=${kind}`);
    return ask('PUT', `${ROUTING}/entries/${body.entries[0].id}`, { body: { store } });
  };
  const placed = async (tenant: string, kind: string): Promise<Place> => {
    const { body } = await ask('GET', `${ROUTING}/placements`);
    const all: Place[] = body.placements;
    const found = all.find(
      (place) =>
        place.tenant === tenant && place.kind === kind && place.caller === 'acme/notes' && place.app === '',
    );
    if (found === undefined) throw new Error('nothing is placed there');
    return found;
  };
  const moved = (tenant: string, kind: string, store: string) =>
    until(
      () => placed(tenant, kind),
      (place) => place.store === store,
      SWEPT_MS,
    );
  /** Many keys at once, as the store writes them. */
  const fill = (tenant: string, kind: string, count: number, text: string) =>
    host.database.pool.query(
      `SELECT mag.put_stored('magflock/routing', $1, prefix || '/n' || n, $3, length($3) + 41, NULL, NULL, 1e5::int, 1e8::int)
       FROM ext_magflock_routing.placements, generate_series(0, $4::int - 1) n
       WHERE tenant = $1 AND kind = $2 AND app = '' AND caller = 'acme/notes'`,
      [tenant, kind, text, count],
    );
  const leftovers = async () =>
    (await host.database.pool.query('SELECT * FROM ext_magflock_routing.leftovers')).rows;
  const inRedis = async (tenant: string) =>
    redis?.send('HLEN', `${redis.prefix}:{magflock/routing}:${tenant}:values`);

  beforeAll(async () => {
    [host, author] = await Promise.all([
      TestHost.start({ MAG_JOB_BACKOFF_MS: '200' }),
      Author.create('acme'),
    ]);
    base = host.url;
    tokens.system = host.token;
    const env = { MAG_URL: host.url, MAG_DATA_DIR: host.dataDir };
    const install = ['extension:install', 'magflock/routing', '--approve', 'all', '--enable', '--yes'];
    const installed = await runMag(install, { env, cwd: host.dataDir });
    if (installed.exitCode !== 0) throw new Error(installed.stderr);
    await host.trust(author);
    for (const name of ['notes', 'other']) await host.run(await author.publish(consumer(name)));
    for (const tenant of ['a', 'b']) {
      for (const role of ['user', 'operator']) {
        const body = { name: `${role} of ${tenant}`, role, tenant: `t_${tenant}` };
        tokens[role === 'user' ? tenant : `${tenant}-admin`] = (
          await ask('POST', '/v1/tokens', { body })
        ).body.token;
      }
    }
    const { url, prefix } = redis as TestRedis;
    const added = await ask('POST', '/v1/stores', { body: { name: 'fast', url, prefix } });
    expect(added.body.check.ok).toBe(true);
  });
  afterAll(async () => {
    await redis?.[Symbol.asyncDispose]();
    await host[Symbol.asyncDispose]();
    await author[Symbol.asyncDispose]();
  });

  it('keeps the data of callers, kinds, scopes and tenants apart, where the defaults say', async () => {
    const set = (as: string, params: object, name?: string) =>
      call(as, 'kvSet', { kind: 'memory', key: 'k', ...params }, name);
    expect(await set('a', { value: 'a' })).toEqual({ answer: { version: 1 } });
    expect(await set('a', { value: 'a shop', app: 'shop' })).toEqual({ answer: { version: 1 } });
    expect(await set('b', { value: 'b' })).toEqual({ answer: { version: 1 } });
    expect(await set('a', { value: 'other' }, 'other')).toEqual({ answer: { version: 1 } });
    expect(await set('a', { value: 'kpi', kind: 'kpi' })).toEqual({ answer: { version: 1 } });
    expect([await got('a', 'k'), await got('b', 'k'), await got('a', 'k', 'kpi')]).toEqual(['a', 'b', 'kpi']);
    expect(await got('a', 'k', 'memory', 'other')).toBe('other');
    expect(await call('a', 'kvGet', { kind: 'memory', key: 'k', app: 'shop' })).toEqual({
      answer: { value: 'a shop', version: 1 },
    });
    expect(await call('a', 'resolve', { kind: 'memory' })).toMatchObject({
      answer: { store: 'postgres', config: {}, entry: { tenant: 't_system' } },
    });
  });

  it('does what a store does', async () => {
    const at = { kind: 'budgets' };
    for (const key of ['x/1', 'x/2', 'y']) await call('a', 'kvSet', { ...at, key, value: { key } });
    expect(await call('a', 'kvList', { ...at, prefix: 'x/', after: 'x/1' })).toEqual({
      answer: { entries: [{ key: 'x/2', value: { key: 'x/2' }, version: 1 }] },
    });
    const swap = (version: number) => call('a', 'kvCompareAndSet', { ...at, key: 'y', value: 2, version });
    expect([(await swap(1)).answer, (await swap(1)).answer]).toEqual([
      { swapped: true, version: 2 },
      { swapped: false, version: 2 },
    ]);
    expect(await call('a', 'kvDelete', { ...at, key: 'y' })).toEqual({ answer: { deleted: true } });
    expect(await call('a', 'kvGet', { ...at, key: 'y' })).toEqual({ answer: null });
    const bus = { kind: 'chat_bus', stream: 'room:1' };
    expect(await call('a', 'busAppend', { ...bus, value: 'hi' })).toEqual({ answer: { id: 1 } });
    expect(await call('a', 'busAppend', { ...bus, value: 'ho' })).toEqual({ answer: { id: 2 } });
    expect(await call('a', 'busRead', { ...bus, after: 1 })).toEqual({
      answer: { entries: [{ id: 2, value: 'ho' }] },
    });
    expect(await call('b', 'busRead', bus)).toEqual({ answer: { entries: [] } });
    for (const params of [
      { kind: 'No', key: 'k' },
      { kind: 'memory' },
      { kind: 'memory', key: '' },
      null,
      { kind: 'memory', key: 'k', app: '../x' },
    ])
      expect((await call('a', 'kvGet', params)).code).toBe('BAD_REQUEST');
  });

  it('fails fast, and names it, when no entry says where', async () => {
    const missing = await call('a', 'kvSet', { kind: 'telemetry', app: 'shop', key: 'k', value: 1 });
    expect(missing).toMatchObject({
      code: 'ROUTE_MISSING',
      message: expect.stringMatching(/telemetry for tenant t_a, app shop/),
    });
    await route('t_a', 'telemetry', 'nowhere');
    expect(await call('a', 'kvSet', { kind: 'telemetry', key: 'k', value: 1 })).toMatchObject({
      code: 'STORE_UNKNOWN',
      message: expect.stringContaining('nowhere'),
    });
    expect((await call('b', 'kvGet', { kind: 'telemetry', key: 'k' })).code).toBe('ROUTE_MISSING');
  });

  it('lets the most specific entry hold, says why, and what a change would do', async () => {
    await route('t_a', 'kpi', 'postgres', { surface: 'squared' });
    await route('t_a', 'kpi', 'fast', { app: 'shop', config: { ttl: 5 } });
    await route('t_system', 'kpi', 'fast', { project: 'p1' });
    const resolve = async (body: object, as = 'system') =>
      (await ask('POST', `${ROUTING}/resolve`, { as, body })).body;
    const of = { tenant: 't_a', kind: 'kpi' };
    expect(await resolve({ ...of, surface: 'squared', app: 'shop', project: 'p1' })).toMatchObject({
      store: 'fast',
      config: { ttl: 5 },
      why: expect.stringContaining('app shop'),
      candidates: [
        { tenant: 't_a', app: 'shop', holds: true },
        { tenant: 't_a', surface: 'squared', holds: false },
        { tenant: 't_system', project: 'p1', holds: false },
        { tenant: 't_system', holds: false },
      ],
    });
    expect(await resolve({ ...of, surface: 'squared' }, 'a-admin')).toMatchObject({ store: 'postgres' });
    expect((await resolve({ tenant: 't_b', kind: 'kpi' }, 'a-admin')).code).toBe('WRONG_TENANT');
    const change = { tenant: 't_a', app: 'shop', store: null };
    expect(await resolve({ ...of, app: 'shop', change })).toMatchObject({
      dryRun: true,
      before: 'fast',
      store: 'postgres',
      moves: true,
    });
    expect(await resolve({ ...of, app: 'shop' })).toMatchObject({ store: 'fast' });
  });

  it('keeps every version of an entry, and refuses changes of what was changed', async () => {
    const made = await ask('POST', `${ROUTING}/entries`, {
      body: { tenant: 't_b', kind: 'kpi', store: 'postgres' },
    });
    const path = `${ROUTING}/entries/${made.body.id}`;
    expect([made.status, made.headers.get('etag')]).toEqual([201, '"1"']);
    const put = (etag: string) =>
      ask('PUT', path, { body: { store: 'fast' }, headers: { 'if-match': etag } });
    expect([(await put('"1"')).headers.get('etag'), (await put('"1"')).status]).toEqual(['"2"', 412]);
    expect((await ask('DELETE', path, { headers: { 'if-match': '"2"' } })).status).toBe(200);
    expect((await ask('PUT', path, { body: { store: 'fast' } })).status).toBe(404);
    const { body } = await ask('GET', `${path}/history`);
    expect(
      body.versions.map(({ version, store }: { version: number; store: string }) => [version, store]),
    ).toEqual([
      [1, 'postgres'],
      [2, 'fast'],
      [3, null],
    ]);
    const events = await ask('GET', '/v1/events?type=magflock.routing.changed&limit=3');
    expect(events.body.events[0]).toMatchObject({
      data: { tenant: 't_b', kind: 'kpi', store: null, version: 3 },
    });
  });

  it('shows tenants their own and the defaults, and lets them change nothing', async () => {
    const own = await ask('GET', `${ROUTING}/entries`, { as: 'b-admin' });
    const tenants = new Set(own.body.entries.map(({ tenant }: { tenant: string }) => tenant));
    expect([...tenants]).toEqual(['t_system']);
    expect((await ask('GET', `${ROUTING}/entries`, { as: 'b' })).status).toBe(403);
    const entriesOf = (tenant: string) =>
      ask('GET', `${ROUTING}/entries?tenant=${tenant}`, { as: 'b-admin' });
    expect((await entriesOf('t_a')).body).toMatchObject({ status: 403, code: 'WRONG_TENANT' });
    expect((await entriesOf('t_b')).body.entries).toEqual([]);
    expect((await entriesOf('t_system')).body.entries).toEqual(own.body.entries);
    const { body } = await ask('GET', `${ROUTING}/entries?tenant=t_a`);
    const foreign = `${ROUTING}/entries/${body.entries[0].id}`;
    const mine = `${ROUTING}/entries/${own.body.entries[0].id}`;
    const change = { tenant: 't_b', kind: 'memory', store: 'fast' };
    const statuses = [
      await ask('GET', foreign, { as: 'b-admin' }),
      await ask('GET', `${foreign}/history`, { as: 'b-admin' }),
      await ask('PUT', foreign, { as: 'b-admin', body: { store: 'fast' } }),
      await ask('PUT', mine, { as: 'b-admin', body: { store: 'fast' } }),
      await ask('DELETE', mine, { as: 'b-admin' }),
      await ask('POST', `${ROUTING}/entries`, { as: 'b-admin', body: change }),
    ].map(({ status }) => status);
    expect(statuses).toEqual([404, 404, 403, 403, 403, 403]);
    const places = await ask('GET', `${ROUTING}/placements`, { as: 'b-admin' });
    expect(places.body.placements.every(({ tenant }: { tenant: string }) => tenant === 't_b')).toBe(true);
  });

  it('moves the data of one tenant while it is written, and that of no other', async () => {
    await fill('t_a', 'memory', 1_000, '299');
    for (let i = 0; i < 12; i += 1)
      await call('a', 'busAppend', { kind: 'memory', stream: 'log', value: i, keep: 5 });
    let isOver = false;
    const written = new Map<string, number>();
    const wrong: unknown[] = [];
    const writers = Array.from({ length: 4 }, async (_, writer) => {
      for (let i = 0; !isOver; i += 1) {
        const key = `w${writer}/${i % 40}`;
        const answer = await call('a', 'kvSet', { kind: 'memory', key, value: i });
        if (answer.answer === undefined) wrong.push(answer);
        else written.set(key, i);
        if (i % 5 === 0 && (await got('a', key)) !== i) wrong.push(['read', key, i]);
        const bus = await call('a', 'busAppend', { kind: 'memory', stream: `s${writer}`, value: i });
        if (bus.answer?.id !== i + 1) wrong.push(['bus', writer, i, bus]);
        await new Promise((resolve) => setTimeout(resolve, 10)); // else a busy machine hardly comes to move anything
      }
      return writer;
    });
    await route('t_a', 'memory', 'fast');
    await moved('t_a', 'memory', 'fast').finally(() => {
      isOver = true;
    });
    await Promise.all(writers);
    expect(wrong).toEqual([]);
    expect(written.size).toBeGreaterThan(0);
    for (const [key, value] of written) expect([key, await got('a', key)]).toEqual([key, value]);
    expect(await got('a', 'n999')).toBe(299);
    const log = await call('a', 'busRead', { kind: 'memory', stream: 'log' });
    expect(log.answer.entries.map(({ id }: { id: number }) => id)).toEqual(
      Array.from({ length: 5 }, (_, i) => i + 8),
    );
    expect(await call('a', 'busAppend', { kind: 'memory', stream: 'log', value: 'on' })).toEqual({
      answer: { id: 13 },
    });
    expect([(await placed('t_b', 'memory')).store, await got('b', 'k')]).toEqual(['postgres', 'b']);
    expect(await inRedis('t_b')).toBe(0);
    await until(leftovers, (rows) => rows.length === 0);
    const left = await host.database.pool.query(
      `SELECT key FROM mag.store_entries WHERE extension = 'magflock/routing' AND tenant_id = 't_a' AND value = '299'`,
    );
    expect(left.rows).toEqual([]);
  });

  it('has it all after a restart', async () => {
    await host.shutdown();
    await host.boot();
    base = host.url;
    expect([await got('a', 'k'), await got('a', 'n7'), await got('b', 'k')]).toEqual(['a', 299, 'b']);
    expect((await placed('t_a', 'memory')).store).toBe('fast');
  });

  it('leaves data where it is while the other store does not answer, and goes on when it does', async () => {
    await call('b', 'kvSet', { kind: 'strategy_lock', key: 'k', value: 'kept' });
    redis?.shut();
    await route('t_b', 'strategy_lock', 'fast');
    const failed = await until(
      () => placed('t_b', 'strategy_lock'),
      (place) => place.move?.state === 'failed',
    );
    expect(failed).toMatchObject({
      store: 'postgres',
      move: { to: 'fast', error: expect.stringContaining('fast') },
    });
    expect(await got('b', 'k', 'strategy_lock')).toBe('kept');
    expect((await call('b', 'kvSet', { kind: 'strategy_lock', key: 'k2', value: 2 })).answer).toEqual({
      version: 1,
    });
    expect((await call('a', 'kvGet', { kind: 'memory', key: 'k' })).code).toBe('STORE_UNAVAILABLE');
    redis?.open();
    await moved('t_b', 'strategy_lock', 'fast');
    expect([await got('b', 'k', 'strategy_lock'), await got('b', 'k2', 'strategy_lock')]).toEqual([
      'kept',
      2,
    ]);
    await until(leftovers, (rows) => rows.length === 0);
  });

  it('has lost nothing when the host is killed in the middle of a move', async () => {
    const value = 'x'.repeat(2_000);
    await call('b', 'kvSet', { kind: 'raw_storage', key: 'n0', value });
    await fill('t_b', 'raw_storage', 1_000, JSON.stringify(value));
    await host.shutdown();
    const process = new HostProcess({
      MAG_DATA_DIR: host.dataDir,
      MAG_PORT: '0',
      DATABASE_URL: host.database.url,
      MAG_JOB_BACKOFF_MS: '200',
    });
    base = await process.ready();
    await until(
      () => call('b', 'kvGet', { kind: 'raw_storage', key: 'n1' }),
      ({ answer }) => answer?.value === value,
    );
    await route('t_b', 'raw_storage', 'fast');
    await until(
      async () => (await host.database.pool.query('SELECT copied FROM ext_magflock_routing.moves')).rows,
      (rows) => rows.length > 0,
    );
    process.child.kill('SIGKILL');
    await process.ended;
    const { rows } = await host.database.pool.query(
      `SELECT store FROM ext_magflock_routing.placements WHERE kind = 'raw_storage'`,
    );
    expect(rows).toEqual([{ store: 'postgres' }]);
    await host.boot();
    base = host.url;
    await until(
      () => call('b', 'kvGet', { kind: 'raw_storage', key: 'n1' }),
      ({ answer }) => answer?.value === value,
    );
    await moved('t_b', 'raw_storage', 'fast');
    const keys = new Set<string>();
    for (let after = ''; ; ) {
      const { answer } = await call('b', 'kvList', { kind: 'raw_storage', after, limit: 200 });
      for (const entry of answer.entries) keys.add(entry.value === value ? entry.key : 'wrong');
      if (answer.entries.length < 200) break;
      after = answer.entries.at(-1).key;
    }
    expect(keys.size).toBe(1_000);
    expect(keys).not.toContain('wrong');
    await until(leftovers, (left) => left.length === 0);
  });

  it('carries threads whose members and messages survive a restart, and a move to Redis', async () => {
    const example = await Author.create('example');
    await host.trust(example);
    await host.run(await publishExample('threads', example, host));
    await example[Symbol.asyncDispose]();
    const body = { name: 'stranger', role: 'user', tenant: 't_a' };
    tokens.stranger = (await ask('POST', '/v1/tokens', { body })).body.token;
    const threads = '/x/example/threads/threads';
    const { thread } = (await ask('POST', threads, { as: 'a', body: { members: [] } })).body;
    const messages = `${threads}/${thread}/messages`;
    const say = (as: string, text: string) => ask('POST', messages, { as, body: { text } });
    expect((await say('a', 'one')).body).toEqual({ id: 1 });
    for (const as of ['stranger', 'b']) expect((await say(as, 'let me in')).status).toBe(403);
    for (const kind of ['chat_bus', 'realtime_registry']) await route('t_a', kind, 'fast');
    await until(
      async () => {
        const places: Place[] = (await ask('GET', `${ROUTING}/placements`)).body.placements;
        return places.filter(({ caller, store }) => caller === 'example/threads' && store === 'fast');
      },
      (places) => places.length === 2,
    );
    expect((await say('a', 'two')).body).toEqual({ id: 2 });
    await host.shutdown();
    await host.boot();
    base = host.url;
    const read = await ask('GET', messages, { as: 'a' });
    const texts = read.body.entries.map(({ value }: { value: { text: string } }) => value.text);
    expect(texts).toEqual(['one', 'two']);
    for (const as of ['stranger', 'b']) expect((await ask('GET', messages, { as })).status).toBe(403);
  });

  it('is changed and shown at a terminal as well', async () => {
    const mag = (...argv: string[]) =>
      runMag(argv, { env: { MAG_URL: host.url, MAG_DATA_DIR: host.dataDir }, cwd: host.dataDir });
    const set = await mag('magflock/routing:set', 'maybes', 'fast', '--for', 't_b', '--app', 'shop');
    expect(set).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('maybes for t_b, app shop: fast (version 1)'),
    });
    const resolved = await mag('magflock/routing:resolve', 'maybes', '--for', 't_b', '--app', 'shop');
    expect(resolved.stdout).toContain('fast: an entry of tenant t_b for app shop');
    expect((await mag('magflock/routing:remove', 'maybes', '--for', 't_b', '--app', 'shop')).exitCode).toBe(
      0,
    );
    expect((await mag('magflock/routing:list', 'maybes')).stdout).toContain('maybes for t_system: postgres');
    expect((await mag('magflock/routing:placements')).stdout).toContain('t_a acme/notes memory: fast');
    expect((await mag('magflock/routing:move')).stdout).toContain('nothing is to be moved');
    expect((await mag('magflock/routing:remove', 'maybes', '--for', 't_b')).exitCode).toBe(1);
  });
});
