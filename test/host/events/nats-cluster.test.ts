import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type NatsEvents, openNatsEvents } from '../../../host/events-nats/index.ts';
import { until } from '../../support/host.ts';
import { natsCluster, streamOfItsOwn } from '../../support/nats.ts';
import { silentLogger } from '../../support/silent-logger.ts';
import { event, eventEngineContract } from './contract.ts';

const cluster = await natsCluster();
const open = (names = streamOfItsOwn()) =>
  openNatsEvents({ url: cluster?.url ?? '', replicas: 3, logger: silentLogger, ...names });

describe.skipIf(cluster === null)('three NATS servers', () => {
  beforeAll(async () => {
    // They have to elect a leader first.
    await until(
      () => open().catch(() => null),
      (log) => {
        void log?.close();
        return log !== null;
      },
      150_000,
    );
  });
  afterAll(() => cluster?.[Symbol.asyncDispose]());

  const shared = streamOfItsOwn();
  eventEngineContract('a JetStream cluster', () => open(shared));

  it('is as safe as can be seen from here', async () => {
    const log = await open();
    expect(log.degradation()).toBeNull();
    await log.close();
  });

  it('lose nothing, and step over nothing, while each of them is killed in turn', async () => {
    const names = streamOfItsOwn();
    const hosts: [NatsEvents, NatsEvents] = [await open(names), await open(names)];
    const acknowledged: string[] = [];
    const seen: string[] = [];
    let writing = true;
    const write = async (log: NatsEvents) => {
      while (writing) {
        const one = event('turns');
        await log.append([event('beside'), one]).then(
          () => acknowledged.push(one.event_id),
          () => new Promise((resolve) => setTimeout(resolve, 20)),
        );
      }
    };
    // As a subscription does it: what lies below the head of a page that is not full is stepped over.
    const follow = async (log: NatsEvents) => {
      for (let cursor = 0, last = false; !last; ) {
        last = !writing;
        try {
          const { head, events } = await log.page('turns', cursor, 100, ['acme.hello.greeted']);
          seen.push(...events.map(({ event_id }) => event_id));
          cursor = events.at(-1)?.sequence ?? cursor;
          if (events.length < 100) cursor = Math.max(cursor, head);
          else last = false;
        } catch {
          last = false;
        }
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    };
    const progress = (by: number) =>
      expect
        .poll(() => acknowledged.length, { timeout: 150_000, interval: 50 })
        .toBeGreaterThanOrEqual(acknowledged.length + by);
    // Three stand one loss: the next is not killed before the last has all that the others have.
    const current = () =>
      expect.poll(() => cluster?.lagging(names.stream), { timeout: 150_000, interval: 200 }).toEqual([]);
    const following = follow(hosts[1]);
    const writers = hosts.flatMap((log) => [write(log), write(log)]);
    for (const server of cluster?.servers ?? []) {
      await progress(100);
      await server.kill();
      await progress(100); // two of three go on
      await server.boot();
      await progress(100);
      await current();
    }
    writing = false;
    await Promise.all(writers);
    await following;
    await Promise.all(hosts.map((log) => log.close()));
    const delivered = new Set(seen);
    expect(delivered.size).toBe(seen.length);
    expect(acknowledged.filter((id) => !delivered.has(id))).toEqual([]);
  }, 600_000);
});
