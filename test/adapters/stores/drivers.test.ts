import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StoreDriver } from '../../../adapters/stores/index.ts';
import { createRedisStore } from '../../../adapters/stores/redis-store.ts';
import { STATE_QUOTA, type StateQuota } from '../../../adapters/stores/state-content.ts';
import { createBuiltInStore } from '../../../host/storage/built-in-store.ts';
import { openDatabase } from '../../../host/storage/database.ts';
import { createTestDatabase } from '../../support/database.ts';
import { startRedis, type TestRedis } from '../../support/redis.ts';
import { silentLogger } from '../../support/silent-logger.ts';
import { describeStoreContract } from './driver-contract.ts';

const open = (
  { url, prefix }: TestRedis,
  { quota = STATE_QUOTA, secret = null }: { quota?: StateQuota; secret?: string | null } = {},
): StoreDriver =>
  createRedisStore(
    { name: 'fast', kind: 'redis', url, username: null, passwordSecret: secret, prefix },
    quota,
    {
      password: async (name) => (name === 'RIGHT' ? 'geheim' : null),
      logger: silentLogger,
    },
  );

describeStoreContract({
  kind: 'postgres',
  async start() {
    const test = await createTestDatabase();
    const database = await openDatabase(test.url);
    return {
      open: (quota) => createBuiltInStore(database, quota),
      async dispose() {
        await database.close();
        await test.drop();
      },
    };
  },
});

describeStoreContract({
  kind: 'redis',
  async start() {
    const redis = await startRedis();
    if (redis === null) return null;
    return { open: (quota) => open(redis, { quota }), dispose: async () => redis[Symbol.asyncDispose]() };
  },
});

describe('a Redis that is not there', () => {
  let redis: TestRedis | null;
  const space = { extension: 'acme/gone', tenantId: 't_one' } as const;
  const when = { expected: null, version: null };
  const signal = new AbortController().signal;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(async () => redis?.[Symbol.asyncDispose]());

  it('fails what it is asked, says no address, and serves again when it is back', async (context) => {
    if (redis === null) return context.skip();
    const driver = open(redis);
    const write = (text: string) => driver.put(space, 'k', { text, size: 2 }, when, signal);
    await write('1');
    redis.shut();
    for (let i = 0; i < 3; i += 1) {
      const failure = await write('2').catch((error: Error) => error);
      expect(failure).toMatchObject({ code: 'E_STORE_UNAVAILABLE' });
      expect((failure as Error).message).not.toMatch(/127|redis:|\d{4}/);
    }
    redis.open();
    expect(await driver.get(space, 'k', signal)).toEqual({ key: 'k', text: '1', version: 1 });
    await driver.close();
  });

  it('is not waited for longer than the deadline', async (context) => {
    if (redis === null) return context.skip();
    const driver = open(redis);
    await driver.get(space, 'k', signal);
    redis.stall();
    const all = [driver.get(space, 'k', AbortSignal.timeout(200)), driver.get(space, 'k', signal)];
    for (const one of await Promise.allSettled(all))
      expect(one).toMatchObject({ status: 'rejected', reason: { code: 'E_STORE_UNAVAILABLE' } });
    redis.open();
    expect(await driver.get(space, 'k', signal)).toMatchObject({ text: '1' });
    await driver.close();
  });

  it('is not entered with a wrong or missing password', async (context) => {
    if (redis === null) return context.skip();
    for (const [secret, words] of [
      ['MISSING', /the secret MISSING/],
      ['RIGHT', /store fast/],
    ] as const) {
      const driver = open(redis, { secret });
      const failure = await driver.get(space, 'k', signal).catch((error: Error) => error);
      expect(failure).toMatchObject({ code: 'E_STORE_UNAVAILABLE', message: expect.stringMatching(words) });
      expect((failure as Error).message).not.toContain('geheim');
      await driver.close();
    }
  });
});
