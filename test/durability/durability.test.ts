import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { expect, it } from 'vitest';
import { openNatsEvents } from '../../host/events-nats/index.ts';
import { ChaosHost } from '../chaos/world/chaos-host.ts';
import { MortalPostgres } from '../chaos/world/mortal-postgres.ts';
import { random } from '../chaos/world/seed.ts';
import { Author } from '../support/author.ts';
import { ownNatsServer } from '../support/nats.ts';
import { silentLogger } from '../support/silent-logger.ts';
import { type Logged, type Said, violations } from './checker.ts';
import { EVENT, ID, OTHER_ID, publishChronicle, publishJournal } from './journal.ts';

/** `npm run test:durability` kills a host 50 times and Postgres 10 times, `npm test` a few times. */
const IS_FULL = process.env.MAG_DURABILITY === 'full';
const HOST_KILLS = IS_FULL ? 50 : 3;
const SERVER_KILLS = IS_FULL ? 10 : 1;
const BROKER_KILLS = IS_FULL ? 10 : 1;
const PUBLISHERS = 4;
/** The place of a subscription is written at least after so many events, and one more is in hand. */
const MAX_REWIND = 101;
const CONSUMERS = [ID, OTHER_ID];

it.each(['postgres', 'nats'])(
  'with events in %s, what was acknowledged is delivered in order, whatever is killed',
  async (engine) => {
    const next = random(`durability ${engine}`);
    await using nats = engine === 'nats' ? await ownNatsServer() : null;
    if (engine === 'nats' && nats === null) return; // it has said so
    await using postgres = await MortalPostgres.start();
    await using author = await Author.create('acme');
    await using host = await ChaosHost.start({
      DATABASE_URL: postgres.server.url,
      ...(nats === null ? {} : { MAG_EVENTS: 'nats', NATS_URL: nats.url }),
    });
    const pool = new pg.Pool({ connectionString: postgres.server.url, max: 2 });
    pool.on('error', () => undefined);
    await using _pool = { [Symbol.asyncDispose]: () => pool.end() };
    await host.trust(author);
    for (const signed of [await publishJournal(author), await publishChronicle(author)]) {
      await host.stage(signed);
      await host.operate(signed.id, 'install', { version: '1.0.0', approve: 'all' });
      await host.operate(signed.id, 'enable');
    }

    const said: Said[] = [];
    let isOver = false;
    const publish = async () => {
      while (!isOver) {
        const id = randomUUID();
        const answer = await host.ask('POST', `/x/${ID}/say`, { id }).catch(() => null);
        said.push({ id, sequence: answer?.status === 200 ? answer.body.sequence : null });
        if (answer?.status !== 200) await sleep(20);
      }
    };
    const publishers = Array.from({ length: PUBLISHERS }, publish);
    const kills = { host: 0, server: 0, backend: 0, cell: 0, broker: 0 };
    const brokerKills = nats === null ? 0 : BROKER_KILLS;
    while (kills.host < HOST_KILLS || kills.server < SERVER_KILLS || kills.broker < brokerKills) {
      await sleep(200 + next() * 600);
      const dice = next();
      if (nats !== null && kills.broker < brokerKills && next() < 0.3) {
        kills.broker++;
        await nats.kill();
        await nats.boot();
        await serving(host);
      }
      if (dice < 0.65 && kills.host < HOST_KILLS) {
        kills.host++;
        await host.process.kill('SIGKILL');
        await host.boot();
      } else if (dice < 0.8 && kills.server < SERVER_KILLS) {
        kills.server++;
        await postgres.killServer();
        await serving(host);
      } else if (dice < 0.9) {
        kills.backend += await postgres.killBackend().then(
          () => 1,
          () => 0,
        );
        await serving(host);
      } else {
        kills.cell += await killCell(host, CONSUMERS[Math.floor(next() * CONSUMERS.length)] ?? ID);
      }
    }
    await serving(host);
    isOver = true;
    await Promise.all(publishers);

    const log = nats === null ? await readLog(pool) : await readStream(nats.url);
    const faults = kills.host + kills.server + kills.backend + kills.cell + kills.broker;
    const { subscriptions } = (await host.ask('GET', '/v1/subscriptions')).body;
    for (const consumer of CONSUMERS) {
      const deadLetters = async () => {
        const { rows } = await pool.query(
          "SELECT event -> 'data' ->> 'id' AS id FROM mag.dead_letters WHERE extension = $1",
          [consumer],
        );
        return rows.map(({ id }) => id as string);
      };
      const heard = await drained(pool, consumer, async (rows) => {
        const arrived = new Set([...rows.map(({ id }) => id), ...(await deadLetters())]);
        return log.every(({ id }) => arrived.has(id));
      });
      const histories = { said, log, heard, deadLetters: await deadLetters(), faults, maxRewind: MAX_REWIND };
      expect({ consumer, violations: violations(histories) }).toEqual({ consumer, violations: [] });
      const acknowledged = said.filter(({ sequence }) => sequence !== null).length;
      process.stdout.write(
        `durability: ${engine}: ${JSON.stringify(kills)}; ${said.length} published, ${acknowledged} acknowledged, ` +
          `${log.length} in the log, ${heard.length} deliveries to ${consumer}, ${heard.length - log.length} of them again\n`,
      );

      const { id } = subscriptions.find(({ extension }: { extension: string }) => extension === consumer);
      await host.ask('POST', `/v1/subscriptions/${id}/replay`, { sequence: 1 });
      const replayed = await drained(pool, consumer, async (rows) => rows.length >= log.length, true);
      expect(replayed.map(({ id: event }) => event)).toEqual(log.map(({ id: event }) => event));
    }
  },
  2_400_000,
);

/** Serves again: what was killed has come back. */
async function serving(host: ChaosHost): Promise<void> {
  for (const deadline = Date.now() + 60_000; Date.now() < deadline; await sleep(50)) {
    const answer = await host.ask('POST', `/x/${ID}/say`, { id: 7 }).catch(() => null);
    // A probe is no event of the history: what it lacks is what is refused. The other asks the database.
    const hosts = await host.ask('GET', '/v1/hosts').catch(() => null);
    if (answer?.body.code === 'E_EVENT_SCHEMA' && hosts?.status === 200) return;
  }
  throw new Error('it never served again');
}

async function killCell(host: ChaosHost, consumer: string): Promise<number> {
  const shown = await host.show(consumer).catch(() => null);
  const pid: number | undefined = shown?.health?.process?.pid;
  // Five deaths within ten minutes are a quarantine, rightly.
  if (pid === undefined || pid === null || shown.health.process.restarts >= 3) return 0;
  try {
    process.kill(pid, 'SIGKILL');
    return 1;
  } catch {
    return 0; // it has just ended, of the one before this
  }
}

async function readLog(pool: pg.Pool): Promise<Logged[]> {
  const { rows } = await pool.query(
    `SELECT data ->> 'id' AS id, sequence::int FROM mag.events WHERE event_type = $1 ORDER BY sequence`,
    [EVENT],
  );
  return rows;
}

async function readStream(url: string): Promise<Logged[]> {
  const log = await openNatsEvents({ url, replicas: 1, logger: silentLogger });
  const events: Logged[] = [];
  try {
    for (;;) {
      const page = await log.read('extension', events.at(-1)?.sequence ?? 0, 500, [EVENT]);
      events.push(...page.map(({ data, sequence }) => ({ id: (data as { id: string }).id, sequence })));
      if (page.length < 500) return events;
    }
  } finally {
    await log.close();
  }
}

/** The journal of the consumer, once it satisfies. */
async function drained(
  pool: pg.Pool,
  consumer: string,
  satisfied: (rows: Logged[]) => Promise<boolean>,
  replay = false,
): Promise<Logged[]> {
  for (const deadline = Date.now() + 120_000; ; await sleep(200)) {
    const { rows } = await pool.query(
      `SELECT id, sequence::int FROM ext_${consumer.replace('/', '_')}.heard WHERE replay = $1 ORDER BY place`,
      [replay],
    );
    if (await satisfied(rows)) return rows;
    if (Date.now() > deadline) throw new Error(`not everything arrived: ${rows.length}`);
  }
}
