import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Database, openDatabase } from '../../host/storage/database.ts';
import { createStores, type PostgresStores } from '../../host/storage/stores.ts';
import { EventBus } from '../../kernel/events/bus.ts';
import { EventTypes } from '../../kernel/events/event-types.ts';
import { inTurn } from '../../kernel/events/in-turn.ts';
import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import { settledMemory } from '../sandbox/world/host-memory.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { silentLogger } from '../support/silent-logger.ts';

const SLOW: ExtensionId = 'acme/slow';
const LIVE: ExtensionId = 'acme/live';
const [OLD, NEW] = ['acme.slow.old', 'acme.live.new'];
const BACKLOG = 100_000;
/** What reading a page at a time may take on top, in MiB: the whole backlog is several times that. */
const FLAT_MB = 64;

let test: TestDatabase;
let database: Database;
let stores: PostgresStores;

beforeAll(async () => {
  test = await createTestDatabase();
  database = await openDatabase(test.url);
  stores = createStores(database, silentLogger);
});
afterAll(async () => {
  await stores.close();
  await database.close();
  await test.drop();
});

it('a backlog of 100,000 events drains with flat memory, while another subscription stays live', async () => {
  const types = new EventTypes();
  for (const [id, type] of [
    [SLOW, OLD],
    [LIVE, NEW],
  ] as const) {
    types.declare(id, new Map([[type, { type: 'object' }]]));
  }
  let drained = 0;
  const arrived = new Map<number, number>();
  const bus = new EventBus({
    log: stores.events,
    types,
    clock: { now: () => new Date() },
    logger: silentLogger,
    deliver: (extension, events) =>
      inTurn(events, async ({ data }) => {
        if (extension === SLOW) drained++;
        else arrived.set((data as { n: number }).n, performance.now());
        return 'handled';
      }),
  });
  try {
    await bus.resume(SLOW, [OLD]);
    await bus.park(SLOW); // its place is kept
    const text = 'x'.repeat(500);
    for (let n = 0; n < BACKLOG; n += 1_000) {
      await Promise.all(
        Array.from({ length: 1_000 }, (_, i) =>
          bus.publishFrom(SLOW, { type: OLD, data: { n: n + i, text } }),
        ),
      );
    }
    await bus.resume(LIVE, [NEW]);
    const sentAt = new Map<number, number>();
    let live = 0;
    const say = async () => {
      const n = live++;
      sentAt.set(n, performance.now());
      await bus.publishFrom(LIVE, { type: NEW, data: { n } });
      await expect.poll(() => arrived.has(n), { timeout: 30_000, interval: 1 }).toBe(true);
    };
    const latencies = () => [...arrived].map(([n, at]) => at - (sentAt.get(n) ?? at)).sort((a, b) => a - b);
    for (let i = 0; i < 50; i++) await say();
    const quiet = latencies()[25] ?? 0;
    arrived.clear();

    const before = await settledMemory();
    const most = { ...before };
    const startedAt = performance.now();
    await bus.resume(SLOW, [OLD]);
    while (drained < BACKLOG) {
      await say();
      if (live % 20 !== 0) continue;
      const now = await settledMemory();
      most.resident = Math.max(most.resident, now.resident);
      most.living = Math.max(most.living, now.living);
    }
    const seconds = (performance.now() - startedAt) / 1_000;
    const busy = latencies()[Math.floor(arrived.size / 2)] ?? 0;
    process.stdout.write(
      `durability: ${BACKLOG} events drained in ${seconds.toFixed(1)} s, memory ${before.resident.toFixed(0)} MiB before and ` +
        `${most.resident.toFixed(0)} MiB at most; a live event took ${quiet.toFixed(1)} ms quiet, ${busy.toFixed(1)} ms beside it\n`,
    );
    expect(drained).toBe(BACKLOG);
    expect(most.resident - before.resident).toBeLessThan(FLAT_MB);
    expect(most.living - before.living).toBeLessThan(FLAT_MB);
  } finally {
    await bus.stop();
  }
}, 600_000);
