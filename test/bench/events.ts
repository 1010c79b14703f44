import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { type Database, openDatabase } from '../../host/storage/database.ts';
import { migrate } from '../../host/storage/migrate.ts';
import { createStores, type PostgresStores } from '../../host/storage/stores.ts';
import { EventBus } from '../../kernel/events/bus.ts';
import { EventTypes } from '../../kernel/events/event-types.ts';
import type { Deliver } from '../../kernel/events/in-turn.ts';
import type { StoredEvent } from '../../kernel/ports.ts';
import type { Json } from '../../manifests/json.ts';
import { MortalPostgres } from '../chaos/world/mortal-postgres.ts';
import { createHarness, type Harness } from '../kernel/sandbox/harness.ts';
import { silentLogger } from '../support/silent-logger.ts';
import { type Effort, quantile, type Report, rate, type Suite, sideBySide } from './case.ts';

const ME = 'acme/hello';
const TYPE = 'acme.hello.said';
const TEXT = 'x'.repeat(200);
const MOST_CONNECTIONS = 16;
const BACKLOG = 100_000;
const QUICK_BACKLOG = 20_000;

/** The rows of spec 11 that concern events, on a durable Postgres of their own. */
export const events: Suite = {
  name: 'events',
  async run(report, effort) {
    await using postgres = await MortalPostgres.start();
    const { url } = postgres.server;
    await using database = await openDatabase(url);
    await migrate(database);
    const stores = createStores(database, silentLogger);
    try {
      await publishes(stores, url, report, effort);
      await deliveries(stores, report, effort);
      await backlog(stores, database, report, effort.quick ? QUICK_BACKLOG : BACKLOG);
    } finally {
      await stores.close();
    }
  },
};

async function publishes(
  stores: PostgresStores,
  url: string,
  report: Report,
  { rounds, roundMs }: Effort,
): Promise<void> {
  const bus = busOf(stores, (_extension, events) => events.map(async () => 'handled'));
  await using pool = poolOf(url);
  await pool.query('CREATE TABLE bench (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), data json NOT NULL)');
  for (const [inFlight, aim] of [
    [1, '>= 0.8'],
    [16, '>= 1.5'],
    [256, '>= 4'],
  ] as const) {
    const [ours, theirs] = await sideBySide(
      rounds,
      () => rate(inFlight, roundMs, (n) => bus.publishFrom(ME, { type: TYPE, data: { n, text: TEXT } })),
      () =>
        rate(inFlight, roundMs, (n) =>
          pool.query('INSERT INTO bench (data) VALUES ($1)', [JSON.stringify({ n, text: TEXT })]),
        ),
    );
    report({
      name: `durable publish, ${inFlight} in flight`,
      against: `single-row insert, ${Math.min(inFlight, MOST_CONNECTIONS)} connections`,
      ratio: ours / theirs,
      aim,
      detail: `${ours.toFixed(0)}/s against ${theirs.toFixed(0)}/s`,
    });
  }
  await bus.stop();
}

async function deliveries(
  stores: PostgresStores,
  report: Report,
  { rounds, roundMs }: Effort,
): Promise<void> {
  await using harness = await listener();
  const handledAt = new Map<number, number>();
  const bus = busOf(stores, (_extension, events) => {
    const handling = hear(harness, events);
    return events.map(async ({ data }, index) => {
      await handling[index];
      handledAt.set((data as { n: number }).n, performance.now());
      return 'handled';
    });
  });
  const publish = (n: number) => bus.publishFrom(ME, { type: TYPE, data: { n, text: TEXT } });
  const alone = await rate(64, roundMs * rounds, publish);
  await bus.resume(ME, [TYPE]);
  const startedAt = performance.now();
  let published = 0;
  await rate(64, roundMs * rounds, () => publish(published++));
  while (handledAt.size < published) await sleep(5);
  const handled = published / ((performance.now() - startedAt) / 1_000);
  report({
    name: 'publish to handled in the sandbox, sustained',
    against: 'publishing alone, 64 in flight',
    ratio: handled / alone,
    aim: '>= 0.5',
    detail: `${handled.toFixed(0)}/s against ${alone.toFixed(0)}/s`,
  });

  handledAt.clear();
  const sentAt: number[] = [];
  const count = 2_500;
  const from = performance.now();
  for (let n = 0; n < count; n++) {
    sentAt.push(performance.now());
    void publish(n);
    await sleep(Math.max(0, from + (n + 1) * 2 - performance.now()));
  }
  while (handledAt.size < count) await sleep(5);
  const took = sentAt.map((at, n) => (handledAt.get(n) ?? Number.NaN) - at);
  report({
    name: 'publish to handled in the sandbox, p99 at 500/s',
    against: '50 ms',
    ratio: quantile(took, 0.99) / 50,
    aim: '<= 1',
    detail: `p50 ${quantile(took, 0.5).toFixed(1)} ms, p99 ${quantile(took, 0.99).toFixed(1)} ms`,
  });
  await bus.stop();
}

async function backlog(
  stores: PostgresStores,
  database: Database,
  report: Report,
  size: number,
): Promise<void> {
  await using harness = await listener();
  let handled = 0;
  const bus = busOf(stores, (_extension, events) =>
    hear(harness, events).map(async (handling) => {
      await handling;
      handled++;
      return 'handled';
    }),
  );
  await stores.events.unsubscribe(ME);
  await bus.resume(ME, [TYPE]);
  await bus.park(ME);
  const insertedAt = performance.now();
  for (let n = 0; n < size; n += 1_000) {
    await Promise.all(
      Array.from({ length: 1_000 }, (_, i) =>
        bus.publishFrom(ME, { type: TYPE, data: { n: n + i, text: TEXT } }),
      ),
    );
  }
  const inserted = size / ((performance.now() - insertedAt) / 1_000);
  await database.query('ANALYZE mag.events');
  const drainedAt = performance.now();
  await bus.resume(ME, [TYPE]);
  while (handled < size) await sleep(5);
  const drained = size / ((performance.now() - drainedAt) / 1_000);
  report({
    name: `drain of a ${size} event backlog in the sandbox`,
    against: 'inserting it, 1,000 in flight',
    ratio: drained / inserted,
    aim: '>= 0.5',
    detail: `${drained.toFixed(0)}/s against ${inserted.toFixed(0)}/s`,
  });
  await bus.stop();
}

function busOf(stores: PostgresStores, deliver: Deliver): EventBus {
  const types = new EventTypes();
  types.declare(ME, new Map([[TYPE, { type: 'object', required: ['n'] }]]));
  return new EventBus({
    log: stores.events,
    types,
    clock: { now: () => new Date() },
    logger: silentLogger,
    deliver,
  });
}

async function listener(): Promise<Harness> {
  const harness = await createHarness({
    code: `let heard = 0; export default { events: { '${TYPE}': async () => { heard++; } } };`,
  });
  await harness.process.start();
  return harness;
}

/** As the kernel hands events to an extension. */
function hear({ process }: Harness, events: readonly StoredEvent[]): Promise<void>[] {
  const options = { request: null, deadlineMs: 5_000, cpuMs: 1_000 };
  return process.invokeInTurn(
    events.map((event) => ({
      target: { kind: 'event', name: event.event_type },
      payload: event as unknown as Json,
      options,
    })),
  );
}

function poolOf(url: string): pg.Pool & AsyncDisposable {
  const pool = new pg.Pool({ connectionString: url, max: MOST_CONNECTIONS });
  return Object.assign(pool, { [Symbol.asyncDispose]: () => pool.end() });
}
