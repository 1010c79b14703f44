import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { firstParty } from '../../../support/first-party.ts';
import { type Answer, TestHost, until } from '../../../support/host.ts';
import { startRedis, type TestRedis } from '../../../support/redis.ts';

const redis: TestRedis | null = await startRedis();
const [TENANCY, ROUTING] = ['/x/magflock/tenancy', '/x/magflock/routing'];
const [SECRETS, FLAGS] = ['/x/magflock/secrets', '/x/magflock/flags'];
const ERASED = 'magflock.tenancy.tenant_erased';

/** What has failed as often as it may is tried again by the sweep of the next minute. */
const SWEPT_MS = 100_000;

describe.skipIf(redis === null)('the erasure of a tenant', { timeout: 240_000 }, () => {
  let host: TestHost;
  const tokens: Record<string, string> = {};

  const ask = (as: string | null, method: string, path: string, body?: unknown, headers = {}) =>
    host.ask(method, path, { headers, ...(as === null ? {} : { token: tokens[as] ?? '' }), ...{ body } });
  const sql = async (text: string, ...values: string[]) =>
    (await host.database.pool.query(text, values)).rows;
  const made = ({ status, body }: Answer) => expect(status, JSON.stringify(body)).toBe(201);

  /** How much of a tenant there is: in the tables of routing, in Postgres, in Redis, among the mappings. */
  const kept = async (tenant: string) => {
    const tables = ['placements', 'moves', 'leftovers', 'entries', 'entry_versions'];
    const counts = tables.map(
      (table) => `(SELECT count(*)::int FROM ext_magflock_routing.${table} WHERE tenant = $1) AS ${table}`,
    );
    const stored = ['entries', 'streams', 'stream_entries'].map(
      (table) =>
        `(SELECT count(*) FROM mag.store_${table} WHERE extension = 'magflock/routing' AND tenant_id = $1)`,
    );
    const [row] = await sql(
      `SELECT ${counts.join(', ')}, (${stored.join(' + ')})::int AS postgres,
         (SELECT count(*)::int FROM mag.secret_mappings WHERE tenant_id = $1) AS mappings`,
      tenant,
    );
    const pattern = `${redis?.prefix}:{magflock/routing}:${tenant}:*`;
    // How much it is, the host goes on counting: 0.
    const keys = (await redis?.send('KEYS', pattern)) as string[] | undefined;
    return { ...row, redis: keys?.filter((key) => !key.endsWith(':usage')).length };
  };
  const nothing = {
    ...{ placements: 0, moves: 0, leftovers: 0, entries: 0, entry_versions: 0 },
    ...{ postgres: 0, redis: 0, mappings: 0 },
  };
  const erase = (tenant: string) =>
    ask(null, 'DELETE', `${TENANCY}/tenants/${tenant}`, undefined, { 'if-match': '*' });
  const exported = async (tenant: string) => {
    const { status, body } = await ask(tenant, 'GET', `${ROUTING}/tenants/${tenant}/export`);
    expect(status).toBe(200);
    return String(body)
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line));
  };

  beforeAll(async () => {
    host = await TestHost.start({ MAG_JOB_BACKOFF_MS: '200' });
    for (const name of ['tenancy', 'routing', 'secrets', 'flags']) await host.run(await firstParty(name));
    const { url, prefix } = redis as TestRedis;
    made(await ask(null, 'POST', '/v1/stores', { name: 'fast', url, prefix }));
    for (const tenant of ['t_a', 't_b', 't_c']) {
      made(await ask(null, 'POST', `${TENANCY}/tenants`, { id: tenant, name: tenant }));
      for (const [name, role] of [
        [tenant, 'tenant-admin'],
        [`${tenant} owner`, 'owner'],
      ] as const)
        tokens[name] = (await ask(null, 'POST', '/v1/tokens', { name, role, tenant })).body.token;
      const entry = { tenant, kind: 'feature_flags', app: 'shop', store: 'fast' };
      made(await ask(null, 'POST', `${ROUTING}/entries`, entry));
      for (const where of ['', '?app=shop'])
        for (const key of ['one', 'two'])
          made(
            await ask(tenant, 'POST', `${FLAGS}/flags${where}`, {
              key,
              type: 'boolean',
              description: tenant,
            }),
          );
      const mapping = { backend: 'environment', ref: 'PAY_KEY' };
      made(
        await ask(null, 'PUT', `${SECRETS}/secrets/PAY_KEY?tenant=${tenant}`, mapping, {
          'if-none-match': '*',
        }),
      );
    }
  });
  afterAll(async () => {
    await host?.[Symbol.asyncDispose]();
    await redis?.[Symbol.asyncDispose]();
  });

  it('can be preceded by an export of all that routing keeps, in the tenant alone', async () => {
    const lines = await exported('t_a');
    const flags = lines.filter(({ key }) => key?.startsWith('flag/'));
    expect(flags.map(({ caller, kind, app, key }) => [caller, kind, app, key]).sort()).toEqual(
      [null, 'shop']
        .flatMap((app) =>
          ['flag/one', 'flag/two'].map((key) => ['magflock/flags', 'feature_flags', app, key]),
        )
        .sort(),
    );
    expect(flags.every(({ value, version }) => value.definition.description === 't_a' && version === 1)).toBe(
      true,
    );
    const changes = lines.filter(({ stream }) => stream === 'changes');
    expect(changes.map(({ app, id }) => [app, id]).sort()).toEqual(
      [
        [null, 1],
        [null, 2],
        ['shop', 1],
        ['shop', 2],
      ].sort(),
    );
    expect(JSON.stringify(lines)).not.toContain('t_b');
    const asked = [
      await ask('t_b', 'GET', `${ROUTING}/tenants/t_a/export`),
      await ask(null, 'GET', `${ROUTING}/tenants/t_a/export`),
      await ask('t_b owner', 'GET', `${ROUTING}/tenants/t_a/export`),
    ];
    expect(asked.map(({ status }) => status)).toEqual([403, 403, 403]);
  });

  it('removes its data from every store that answers, and from the others when they do again', async () => {
    const [before, ofB] = [await kept('t_a'), await kept('t_b')];
    for (const [name, count] of Object.entries(before))
      if (!['moves', 'leftovers'].includes(name)) expect(count, name).toBeGreaterThan(0);
    redis?.shut();
    expect((await erase('t_a')).status).toBe(204);
    const waiting = await until(
      () => kept('t_a'),
      ({ postgres, mappings, leftovers }) => postgres + mappings === 0 && leftovers === 1,
    );
    // Redis has not said that it is gone: where it is stays on record, and the entries are the last to go.
    expect(waiting).toEqual({ ...nothing, leftovers: 1, entries: 1, entry_versions: 1, redis: before.redis });
    expect(await sql('SELECT store FROM ext_magflock_routing.leftovers')).toEqual([{ store: 'fast' }]);
    redis?.open();
    await until(
      () => kept('t_a'),
      (left) => Object.values(left).every((count) => count === 0),
      SWEPT_MS,
    );
    expect(await kept('t_b')).toEqual(ofB);
    expect((await exported('t_b')).filter(({ key }) => key?.startsWith('flag/'))).toHaveLength(4);
  });

  it('keeps out what comes later, and takes away what came all the same', async () => {
    const entry = { tenant: 't_a', kind: 'feature_flags', store: 'fast' };
    const late = await ask(null, 'POST', `${ROUTING}/entries`, entry);
    expect([late.status, late.body.code]).toEqual([409, 'TENANT_ERASED']);
    expect((await ask('t_a', 'GET', `${FLAGS}/flags`)).status).toBe(403);
    // As who was in the middle of it when the tenant went.
    const [{ prefix }] = await sql(
      `INSERT INTO ext_magflock_routing.placements (tenant, caller, kind, store)
       VALUES ('t_a', 'magflock/flags', 'memory', 'postgres') RETURNING prefix`,
    );
    await sql(
      `SELECT mag.put_stored('magflock/routing', 't_a', $1 || '/k', '1', 42, NULL, NULL, 1e5::int, 1e8::int)`,
      prefix,
    );
    expect(await kept('t_a')).toMatchObject({ placements: 1, postgres: 1 });
    expect((await ask(null, 'POST', `${ROUTING}/moves`)).body.tenants).toEqual(['t_a']);
    await until(
      () => kept('t_a'),
      (left) => Object.values(left).every((count) => count === 0),
    );
  });

  it('may be told of twice, and not by another tenant', async () => {
    const ofB = await kept('t_b');
    const publish = (as: string | null, tenant: string) =>
      ask(as, 'POST', '/v1/events', { type: ERASED, data: { tenant, id: tenant, version: 2 } });
    expect((await publish('t_b owner', 't_b')).status).toBe(403);
    made(await publish(null, 't_a'));
    // What comes behind that is handled after it.
    expect((await erase('t_c')).status).toBe(204);
    await until(
      () => kept('t_c'),
      (left) => Object.values(left).every((count) => count === 0),
    );
    expect([await kept('t_a'), await kept('t_b')]).toEqual([nothing, ofB]);
    expect(await sql('SELECT tenant FROM ext_magflock_routing.erasures ORDER BY tenant')).toEqual([
      { tenant: 't_a' },
      { tenant: 't_c' },
    ]);
    expect((await ask(null, 'GET', '/v1/dead-letters')).body.deadLetters).toEqual([]);
  });
});
