import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { Author } from '../support/author.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { until } from '../support/host.ts';
import { expectAgreement } from './world/agreement.ts';
import { ChaosHost } from './world/chaos-host.ts';
import { bringTo, type Killing } from './world/kill-after-each-write.ts';
import { PostgresProxy } from './world/postgres-proxy.ts';
import { random } from './world/seed.ts';
import { ID, publishSubject } from './world/subject.ts';

/** `npm run test:chaos` takes the database away behind every fifth write, `npm test` behind a few. */
const EVERY = process.env.MAG_CHAOS === 'full' ? 5 : 20;
/** Longer than a step takes, so that neither its end nor its undoing can be written. */
const AWAY_MS = 1_500;

const MOVES: readonly Killing[] = [
  { kind: 'install', body: { version: '1.0.0', approve: 'all' }, from: 'staged', to: 'installed' },
  { kind: 'enable', from: 'installed', to: 'enabled 1.0.0' },
  {
    kind: 'upgrade',
    body: { version: '1.1.0', approve: 'all' },
    from: 'enabled 1.0.0',
    to: 'enabled 1.1.0',
  },
  { kind: 'uninstall', body: { purge: true }, from: 'disabled', to: 'uninstalled' },
];

it.each(MOVES)(
  'a host that loses its database in the middle of $kind settles it by itself',
  async (move) => {
    const { kind, body = {}, from, to } = move;
    await using author = await Author.create('acme');
    const packages = [await publishSubject(author, '1.0.0'), await publishSubject(author, '1.1.0')];
    const database = await createTestDatabase();
    await using _drop = { [Symbol.asyncDispose]: () => database.drop() };
    await using proxy = await PostgresProxy.open(database.url);
    await using host = await ChaosHost.start({ DATABASE_URL: proxy.url });
    const { pid } = host;
    await host.trust(author);
    let times = 0;
    const ends: string[] = [];
    for (let n = 2 + Math.floor(random(`away ${kind}`)() * (EVERY - 1)); ; n += EVERY) {
      await bringTo(host, from, packages);
      let isAway = false;
      proxy.arm(n, () => {
        isAway = true;
        proxy.breakFor(AWAY_MS);
      });
      // It may begin although nobody could be told so.
      await host.begin(ID, kind, body).catch(() => null);
      const running = async () =>
        (await database.pool.query("SELECT FROM mag.operations WHERE state = 'running'")).rowCount;
      const ready = async () => (await host.ask('GET', '/readyz')).status;
      await until(ready, (status) => status === 200);
      await until(running, (count) => count === 0);
      await until(ready, (status) => status === 200); // it may have been through before the database went away
      proxy.disarm();
      const when = `${kind}, away behind write ${n}: ${proxy.writes.at(-1)}`;
      const end = await agreementInTheEnd(host, database).catch((cause: unknown) => {
        throw new Error(when, { cause });
      });
      if (!isAway) {
        expect(end).toBe(to);
        break;
      }
      times++;
      ends.push(end);
      // An extension whose start failed is disabled, and says why (spec 06).
      expect(end).toBeOneOf([from, to, ...(kind === 'enable' ? ['disabled'] : [])]);
    }
    expect(host.pid).toBe(pid);
    process.stdout.write(`chaos: ${kind}: database away ${times} times, ${ends.join(', ')}\n`);
  },
  600_000,
);

/** A host may still be starting again what it recorded and lost. */
async function agreementInTheEnd(host: ChaosHost, database: TestDatabase): Promise<string> {
  for (const deadline = Date.now() + 30_000; ; await sleep(200)) {
    try {
      return await expectAgreement(host, database);
    } catch (failure) {
      if (Date.now() > deadline) throw failure;
    }
  }
}
