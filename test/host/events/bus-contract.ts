import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EventBus } from '../../../kernel/events/bus.ts';
import { EventTypes } from '../../../kernel/events/event-types.ts';
import { inTurn } from '../../../kernel/events/in-turn.ts';
import type { StoredEvent } from '../../../kernel/ports.ts';
import { until } from '../../support/host.ts';
import { silentLogger } from '../../support/silent-logger.ts';
import type { TwoHosts } from './contract.ts';

const ME = 'acme/bus';
const TYPE = 'acme.bus.counted';
const OTHER_TYPE = 'acme.bus.ignored';
const SCHEMA = { type: 'object', required: ['n'], properties: { n: { type: 'integer' } } };

/** The bus of the kernel over an engine. */
export function busContract(hosts: () => TwoHosts): void {
  describe('under the bus', () => {
    let buses: EventBus[];
    let seen: { n: number; replay: boolean }[];
    let fails: (n: number) => boolean;
    /** Milliseconds that handling an event takes. */
    let pause: number;

    beforeEach(() => {
      buses = [];
      seen = [];
      fails = () => false;
      pause = 0;
    });
    afterEach(async () => {
      await Promise.all(buses.map((bus) => bus.stop()));
      await hosts().log.unsubscribe(ME);
    });

    const handle = async (event: StoredEvent) => {
      const { n } = event.data as { n: number };
      if (fails(n)) throw new Error(`not ${n}`);
      if (pause > 0) await sleep(pause);
      seen.push({ n, replay: event.replay === true });
      return 'handled' as const;
    };
    const open = (log = hosts().log) => {
      const types = new EventTypes();
      types.declare(
        ME,
        new Map([
          [TYPE, SCHEMA],
          [OTHER_TYPE, SCHEMA],
        ]),
      );
      const bus = new EventBus({
        log,
        types,
        clock: { now: () => new Date() },
        logger: silentLogger,
        retry: { attempts: 3, baseMs: 5, maxMs: 10 },
        deliver: (_extension, events) => inTurn(events, handle),
      });
      buses.push(bus);
      return bus;
    };
    const publish = async (bus: EventBus, ...numbers: number[]) => {
      for (const n of numbers) {
        await bus.publishFrom(ME, { type: OTHER_TYPE, data: { n } });
        await bus.publishFrom(ME, { type: TYPE, data: { n } });
      }
    };
    const live = () => seen.filter(({ replay }) => !replay).map(({ n }) => n);
    const replayed = () => seen.filter(({ replay }) => replay).map(({ n }) => n);
    const settled = (count: number) =>
      until(
        async () => seen.length,
        (length) => length >= count,
      );

    it('delivers in order what is published after subscribing, here and on another host', async () => {
      const bus = open();
      const elsewhere = open(hosts().other);
      await publish(bus, 0);
      await bus.resume(ME, [TYPE]);
      await publish(bus, 1, 2);
      await publish(elsewhere, 3, 4);
      await publish(bus, 5);
      await settled(5);
      expect(live()).toEqual([1, 2, 3, 4, 5]);
      await until(
        async () => (await bus.subscriptions()).find(({ extension }) => extension === ME)?.lag,
        (lag) => lag === 0,
      );
    });

    it('delivers a backlog of many, once and in order', async () => {
      const bus = open();
      await bus.resume(ME, [TYPE]);
      await bus.park(ME);
      const numbers = Array.from({ length: 350 }, (_, i) => i);
      await Promise.all(numbers.map((n) => bus.publishFrom(ME, { type: TYPE, data: { n } })));
      await bus.resume(ME, [TYPE]);
      await settled(350);
      expect(live()).toEqual(numbers);
    });

    it('steps over nothing that is published while it works a backlog off', async () => {
      const bus = open();
      await bus.resume(ME, [TYPE]);
      await bus.park(ME);
      const numbers = Array.from({ length: 130 }, (_, i) => i);
      const later = Array.from({ length: 70 }, (_, i) => 130 + i);
      for (const n of numbers) await bus.publishFrom(ME, { type: TYPE, data: { n } });
      pause = 5;
      await bus.resume(ME, [TYPE]);
      await settled(10); // of the first page: what is read ahead ends before what comes now
      await publish(bus, ...later);
      pause = 0;
      await settled(200);
      expect(live()).toEqual([...numbers, ...later]);
    });

    it('retries in place, and moves on from what can never be handled', async () => {
      const bus = open();
      const failures = new Map([[2, 2]]);
      fails = (n) => {
        const left = failures.get(n) ?? 0;
        failures.set(n, left - 1);
        return n === 3 || left > 0;
      };
      await bus.resume(ME, [TYPE]);
      await publish(bus, 1, 2, 3, 4);
      await settled(3);
      expect(live()).toEqual([1, 2, 4]);
      const [letter] = await hosts().other.deadLetters({ extension: ME, limit: 10 });
      expect(letter).toMatchObject({
        subscription: { extension: ME, type: TYPE },
        attempts: 3,
        event: { data: { n: 3 } },
      });
      fails = () => false;
      await bus.redrive(letter?.id ?? '');
      expect(live()).toEqual([1, 2, 4, 3]);
      expect(await hosts().log.deadLetters({ extension: ME, limit: 10 })).toEqual([]);
    });

    it('takes the same id once', async () => {
      const bus = open();
      await bus.resume(ME, [TYPE]);
      const first = await bus.publishFrom(ME, { type: TYPE, data: { n: 1 } });
      const again = { type: TYPE, data: { n: 1 }, eventId: first.eventId };
      expect(await bus.publishFrom(ME, again)).toEqual(first);
      expect(await open(hosts().other).publishFrom(ME, again)).toEqual(first);
      await publish(bus, 2);
      await settled(2);
      expect(live()).toEqual([1, 2]);
    });

    it('keeps the place of a parked subscription, for another host too', async () => {
      const bus = open();
      await bus.resume(ME, [TYPE]);
      await publish(bus, 1);
      await settled(1);
      await bus.park(ME);
      await publish(bus, 2, 3);
      await bus.stop();
      await open(hosts().other).resume(ME, [TYPE]);
      await settled(3);
      expect(live()).toEqual([1, 2, 3]);
    });

    it('replays from a sequence, an id and a time, beside what comes', async () => {
      const bus = open();
      await bus.resume(ME, [TYPE]);
      await publish(bus, 1);
      await new Promise((resolve) => setTimeout(resolve, 20));
      const time = new Date();
      const second = await bus.publishFrom(ME, { type: TYPE, data: { n: 2 } });
      const third = await bus.publishFrom(ME, { type: TYPE, data: { n: 3 } });
      await settled(3);
      const id = (await bus.subscriptions()).find(({ extension }) => extension === ME)?.id ?? '';
      const replayFrom = async (from: Parameters<typeof bus.replay>[1], count: number) => {
        const before = seen.length;
        await bus.replay(id, from);
        await settled(before + count);
        return replayed().slice(-count);
      };
      expect(await replayFrom({ sequence: second.sequence }, 2)).toEqual([2, 3]);
      expect(await replayFrom({ eventId: third.eventId }, 1)).toEqual([3]);
      expect(await replayFrom({ time }, 2)).toEqual([2, 3]);
      await publish(bus, 4);
      await until(
        async () => live(),
        (numbers) => numbers.length === 4,
      );
      expect(live()).toEqual([1, 2, 3, 4]);
      expect(replayed()).toEqual([2, 3, 3, 2, 3]);
      await until(
        () => hosts().log.openReplays(),
        (open) => open.length === 0,
      );
    });
  });
}
