import { jetstreamManager, StorageType } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type NatsEvents, type NatsEventsOptions, openNatsEvents } from '../../../host/events-nats/index.ts';
import { freePort } from '../../../host/free-ports.ts';
import { openDatabase } from '../../../host/storage/database.ts';
import { createEventLog } from '../../../host/storage/event-log.ts';
import { createTestDatabase } from '../../support/database.ts';
import { until } from '../../support/host.ts';
import { ownNatsServer, streamOfItsOwn } from '../../support/nats.ts';
import { silentLogger } from '../../support/silent-logger.ts';
import { event } from './contract.ts';

const server = await ownNatsServer();
const ids = (events: readonly { event_id: string }[]) => events.map(({ event_id }) => event_id);

describe.skipIf(server === null)('event log in JetStream, when things go wrong', () => {
  const url = server?.url ?? '';
  afterAll(() => server?.[Symbol.asyncDispose]());

  const open = async (options: Partial<NatsEventsOptions> = {}): Promise<NatsEvents> => {
    const names = streamOfItsOwn();
    const log = await openNatsEvents({ url, replicas: 1, logger: silentLogger, ...names, ...options });
    onTestFinished(() => log.close());
    return log;
  };
  const asOperator = async () => {
    const connection = await connect({ servers: url });
    onTestFinished(() => connection.close());
    return { connection, ...(await jetstreamManager(connection)) };
  };
  const refusal = async (options: Partial<NatsEventsOptions>, on = url) => {
    const failure = await openNatsEvents({
      url: on,
      replicas: 1,
      logger: silentLogger,
      ...streamOfItsOwn(),
      ...options,
    }).then(
      async (log) => {
        await log.close();
        throw new Error('it was taken');
      },
      (error: Error & { code: string }) => error,
    );
    const { code, message } = failure;
    return { code, message };
  };

  describe('a server that is killed while two hosts write', () => {
    const names = streamOfItsOwn();
    let hosts: NatsEvents[];
    const acknowledged: string[] = [];
    let failures: (Error & { code?: string })[];

    beforeAll(async () => {
      hosts = [await open1(), await open1()];
      failures = [];
      const woken = new Set<string>();
      hosts[1]?.onAppend((components) => {
        for (const component of components) woken.add(component);
      });
      let writing = true;
      const write = async (log: NatsEvents) => {
        while (writing) {
          const one = event('killed');
          await log.append([one]).then(
            () => acknowledged.push(one.event_id),
            (failure: Error) => failures.push(failure),
          );
          if (failures.length > 0) await new Promise((resolve) => setTimeout(resolve, 5));
        }
      };
      const writers = hosts.flatMap((log) => Array.from({ length: 8 }, () => write(log)));
      for (let round = 1; round <= 3; round += 1) {
        const goal = acknowledged.length + 300;
        await until(
          async () => acknowledged.length,
          (count) => count >= goal,
        );
        await server?.kill();
        await until(
          async () => failures.length,
          (count) => count > 0,
        );
        failures.length = round === 3 ? failures.length : 0;
        await server?.boot();
      }
      const goal = acknowledged.length + 300;
      await until(
        async () => acknowledged.length,
        (count) => count >= goal,
      );
      writing = false;
      await Promise.all(writers);
      woken.clear();
      await hosts[0]?.append([event('afterwards')]);
      await until(
        async () => woken,
        (names) => names.has('afterwards'),
      );
    }, 300_000);
    const open1 = () => openNatsEvents({ url, replicas: 1, logger: silentLogger, ...names });
    afterAll(() => Promise.all(hosts.map((log) => log.close())));

    it('loses nothing that was acknowledged, and shows every host the same', async () => {
      const [first, second] = await Promise.all(hosts.map((log) => log.read('killed', 0, 100_000)));
      expect(ids(first ?? [])).toEqual(ids(second ?? []));
      const stored = new Set(ids(first ?? []));
      expect(acknowledged.filter((id) => !stored.has(id))).toEqual([]);
      expect(stored.size).toBe(first?.length);
    });

    it('says so as an error of the storage', () => {
      expect(new Set(failures.map(({ code }) => code))).toEqual(new Set(['E_STORAGE']));
      for (const { message } of failures) expect(message).not.toContain('127.0.0.1');
    });
  });

  it('is closed while the server is away', async () => {
    const log = await open();
    await server?.kill();
    await until(
      async () => log.degradation(),
      (detail) => detail?.includes('lost') === true,
    );
    await expect(log.append([event('away')])).rejects.toMatchObject({ code: 'E_STORAGE' });
    await expect(log.read('away', 0, 1)).rejects.toMatchObject({ code: 'E_STORAGE' });
    await expect(log.latest({ limit: 1 })).rejects.toMatchObject({ code: 'E_STORAGE' });
    await log.close();
    await server?.boot();
  });

  it('goes on behind what was removed', async () => {
    const names = streamOfItsOwn();
    const log = await open(names);
    const stored = await log.append(Array.from({ length: 30 }, () => event('old')));
    const { streams } = await asOperator();
    await streams.purge(names.stream, { seq: stored[20]?.sequence ?? 0 });
    await streams.deleteMessage(names.stream, stored[22]?.sequence ?? 0);
    expect(ids(await log.read('old', 5, 100))).toEqual(ids([...stored.slice(20, 22), ...stored.slice(23)]));
    expect(ids(await log.latest({ limit: 3 }))).toEqual(ids(stored.slice(-3).reverse()));
    expect(await log.firstFrom('old', { time: new Date(0) })).toBe(stored[20]?.sequence);
    await streams.purge(names.stream);
    expect(await log.read('old', 5, 100)).toEqual([]);
    expect(await log.latest({ limit: 3 })).toEqual([]);
    expect(await log.firstFrom('old', { time: new Date(0) })).toBeNull();
    const [next] = await log.append([event('old')]);
    expect(ids(await log.read('old', stored.at(-1)?.sequence ?? 0, 10))).toEqual([next?.event_id]);
  });

  it('delivers everything of a stream that was made again, whatever the place in the one before', async () => {
    const test = await createTestDatabase();
    const database = await openDatabase(test.url);
    onTestFinished(async () => {
      await database.close();
      await test.drop();
    });
    const names = streamOfItsOwn();
    const key = { extension: 'acme/again', type: 'acme.hello.greeted' } as const;
    const place = async (engine?: NatsEvents) => {
      const log = createEventLog(database, silentLogger, { engine });
      await log.subscribe(key);
      return (await log.subscriptions()).map(({ cursors }) => cursors.get('again') ?? 0);
    };
    const before = await open(names);
    const stored = await before.append([event('again'), event('again')]);
    expect(await place(before)).toEqual([stored[1]?.sequence]);
    expect(await place()).toEqual([0]); // what Postgres has is another log
    await before.close();
    await (await asOperator()).streams.delete(names.stream);
    const after = await open(names);
    expect(after.logId).not.toBe(before.logId);
    expect(await place(after)).toEqual([0]);
  });

  it('does not take what a server lacks for the end of the log', async () => {
    const names = streamOfItsOwn();
    const log = await open(names);
    const [first, , third] = await log.append([event('ahead'), event('ahead'), event('ahead')]);
    const { streams } = await asOperator();
    const { config } = await streams.info(names.stream);
    await streams.delete(names.stream);
    await streams.add(config); // it counts from 1 again: as a server that has not got what was acknowledged
    const here = first?.sequence ?? 0;
    await expect(log.read('ahead', here, 10)).rejects.toMatchObject({ code: 'E_STORAGE' });
    await expect(log.read('ahead', here, 10, ['no.such.type'])).rejects.toMatchObject({ code: 'E_STORAGE' });
    expect(await log.read('ahead', third?.sequence ?? 0, 10)).toEqual([]);
    for (let n = 0; n < 3; n += 1) await log.append([event('ahead')]);
    expect(await log.read('ahead', here, 10)).toHaveLength(2);
  });

  it('believes nobody else who may use the server', async () => {
    const names = streamOfItsOwn();
    const log = await open(names);
    const { connection } = await asOperator();
    const [first] = await log.append([event('mine')]);
    const forged = ['', '{', 'null', '{"host":1}', '{"host":"x","components":["mine","never",1]}'];
    for (const text of forged) connection.publish(`${names.prefix}-wake`, text);
    for (const text of ['no JSON', '{}', 'null', '{"source":null}'])
      await connection.request(`${names.prefix}.mine.acme.hello.greeted`, text);
    const [second] = await log.append([event('mine')]);
    expect(ids(await log.read('mine', 0, 1))).toEqual([first?.event_id]);
    expect(ids(await log.read('mine', 0, 10))).toEqual([first?.event_id, second?.event_id]);
    expect([...(await log.heads())]).toEqual([['mine', second?.sequence]]);
  });

  it('hears from other hosts, and does not only look by itself', async () => {
    const names = { ...streamOfItsOwn(), lookEveryMs: 3_600_000 };
    const [log, other] = [await open(names), await open(names)];
    const woken: string[] = [];
    other.onAppend((components) => woken.push(...components));
    await log.append([event('told')]);
    await until(
      async () => woken,
      (components) => components.includes('told'),
    );
    const many = Array.from({ length: 30 }, (_, i) => event(`told${i}`)); // too many to name each
    await log.append([...many, event('told')]);
    await until(
      async () => woken,
      (components) => ['told29', 'told'].every((name) => components.lastIndexOf(name) > 0),
    );
  });

  it('finds events by itself that nobody told of', async () => {
    const names = streamOfItsOwn();
    const log = await open(names);
    const woken: string[] = [];
    log.onAppend((components) => woken.push(...components));
    const { connection } = await asOperator();
    const { event_id, ...rest } = event('silent');
    await connection.request(
      `${names.prefix}.silent.acme.hello.greeted`,
      JSON.stringify({ event_id, ...rest }),
    );
    await until(
      async () => woken,
      (components) => components.includes('silent'),
    );
    expect((await log.heads()).get('silent')).toBe(1);
  });

  describe('is not opened', () => {
    it('where nobody answers', async () => {
      const on = `nats://someone:geheim@127.0.0.1:${await freePort()}`;
      const { code, message } = await refusal({}, on);
      expect([code, message]).toEqual(['E_CONFIG', expect.stringContaining('NATS_URL')]);
      expect(message).toContain('MAG_EVENTS');
      expect(message).not.toContain('geheim');
    });

    it.each([
      ['authorization { user: someone, password: other }\njetstream: false', 'name and password'],
      ['jetstream: false', 'JetStream'],
    ])('by a server with %j', async (settings, why) => {
      const strict = await ownNatsServer(settings);
      if (strict === null) throw new Error('no nats-server');
      onTestFinished(() => strict[Symbol.asyncDispose]());
      const on = strict.url.replace('//', settings.startsWith('auth') ? '//someone:geheim@' : '//');
      const { code, message } = await refusal({}, on);
      expect([code, message]).toEqual(['E_CONFIG', expect.stringContaining(why)]);
      expect(message).not.toContain('geheim');
    });

    it('with more replicas than there are servers', async () => {
      const { code, message } = await refusal({ replicas: 3 });
      expect([code, message]).toEqual(['E_CONFIG', expect.stringContaining('MAG_NATS_REPLICAS')]);
    });

    it('at an address that is none', async () => {
      expect((await refusal({}, 'nats://')).code).toBe('E_CONFIG');
    });
  });

  it('is let in by name and password, or by token', async () => {
    for (const [settings, login] of [
      ['authorization { user: someone, password: "p@ss w" }', 'someone:p%40ss%20w'],
      ['authorization { token: geheim }', 'geheim'],
    ] as const) {
      const strict = await ownNatsServer(settings);
      if (strict === null) throw new Error('no nats-server');
      onTestFinished(() => strict[Symbol.asyncDispose]());
      const log = await open({ url: strict.url.replace('//', `//${login}@`) });
      expect(await log.append([event('in')])).toHaveLength(1);
      await log.close();
    }
  });

  it('refuses what is larger than the server takes', async () => {
    const small = await ownNatsServer('max_payload: 4096');
    if (small === null) throw new Error('no nats-server');
    onTestFinished(() => small[Symbol.asyncDispose]());
    const log = await open({ url: small.url });
    const [fits, large] = await Promise.allSettled([
      log.append([event('small', { data: 'x'.repeat(2_000) })]),
      log.append([event('small', { data: 'x'.repeat(4_000) })]),
    ]);
    expect(fits.status).toBe('fulfilled');
    expect(large).toMatchObject({ reason: { code: 'E_EVENT_SCHEMA' } });
  });

  it('says what keeps it from being safe', async () => {
    expect((await open()).degradation()).toContain('1 of 3 replicas');
    const names = streamOfItsOwn();
    const { streams } = await asOperator();
    const subjects = [`${names.prefix}.>`];
    await streams.add({ name: names.stream, subjects, storage: StorageType.Memory });
    expect((await open(names)).degradation()).toContain('in memory');
  });
});
