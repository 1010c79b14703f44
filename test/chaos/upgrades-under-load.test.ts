import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { Author } from '../support/author.ts';
import { TestHost, until } from '../support/host.ts';
import { serving } from '../support/sources.ts';

const ID = 'acme/busy';
/** `npm run test:chaos` makes 20 of each, `npm test` five. */
const SWITCHES = process.env.MAG_CHAOS === 'full' ? 20 : 5;
/** Milliseconds between two requests: a hundred in a second. */
const EVERY_MS = 10;
/** A machine that cannot answer that many is asked as many as it can: each makes a host call, and 64 may wait. */
const MOST_UNANSWERED = 50;
const EVENT = 'acme.busy.counted';

it('upgrades and rollbacks under 100 requests a second fail no request and lose no event', async () => {
  await using author = await Author.create('acme');
  await using host = await TestHost.start();
  await host.trust(author);
  await host.run(await publish(author, 1));

  let asked = 0;
  const wrong: unknown[] = [];
  const versions = new Set<string>();
  let isOver = false;
  const startedAt = performance.now();
  let answered = 0;
  const ask = async (n: number) => {
    const { status, body } = await host.ask('POST', `/x/${ID}/count`, { body: { n } });
    if (status === 200) versions.add(body);
    else wrong.push({ n, status, body });
    answered++;
  };
  const asking = (async () => {
    const all: Promise<void>[] = [];
    while (!isOver) {
      all.push(ask(++asked));
      // Steady: what was late is made up for.
      do await sleep(Math.max(1, startedAt + asked * EVERY_MS - performance.now()));
      while (asked - answered >= MOST_UNANSWERED);
    }
    await Promise.all(all);
  })();
  for (let minor = 1; minor <= SWITCHES; minor++) {
    const signed = await publish(author, minor + 1);
    await host.stage(signed);
    await expectSwitch(host, 'upgrade', { version: signed.version });
    await expectSwitch(host, 'rollback', {});
    await expectSwitch(host, 'upgrade', { version: signed.version });
  }
  isOver = true;
  await asking;
  const seconds = (performance.now() - startedAt) / 1_000;
  expect(wrong).toEqual([]);
  expect(versions.size).toBe(SWITCHES + 1);

  const { rows } = await host.database.pool.query(
    'SELECT count(*)::int AS n FROM mag.events WHERE event_type = $1',
    [EVENT],
  );
  const handled = async () =>
    (await host.ask('GET', `/x/${ID}/handled`)).body as { all: number; distinct: number };
  let seen = await handled();
  while (seen.distinct < asked) {
    const before = seen.distinct;
    seen = await until(handled, ({ distinct }) => distinct > before); // slow is fine, stuck is not
  }
  expect({ published: rows[0].n, handled: seen.distinct }).toEqual({ published: asked, handled: asked });
  process.stdout.write(
    `chaos: ${SWITCHES * 2} upgrades and ${SWITCHES} rollbacks in ${seconds.toFixed(1)} s: ` +
      `${asked} requests (${(asked / seconds).toFixed(0)} a second), ${wrong.length} failed; ` +
      `${asked} events, ${asked - seen.distinct} lost, ${seen.all - seen.distinct} delivered twice\n`,
  );
}, 1_200_000);

async function expectSwitch(host: TestHost, kind: 'upgrade' | 'rollback', body: object): Promise<void> {
  const { body: operation } = await host.operate(ID, kind, body);
  expect(operation).toMatchObject({ state: 'succeeded' });
}

function publish(author: Author, minor: number) {
  return author.publish({
    manifest: {
      ...serving('busy', ['POST /count', 'GET /handled'], {
        capabilities: [
          { name: 'api.emit_events', reason: 'Counts.' },
          { name: 'realtime.subscribe_events', reason: 'Hears itself.' },
          { name: 'database.read', reason: 'Reads what it heard.' },
          { name: 'database.write', reason: 'Writes what it heard.' },
        ],
        contributes: {
          events: { subscribes: [EVENT], publishes: [{ type: EVENT, schema: 'schemas/counted.json' }] },
        },
        // A hundred wait for each other on a slow machine.
        limits: { hostCallsPerSecond: 5_000, cpuMs: 2_000, wallMs: 30_000 },
      }),
      version: `1.${minor}.0`,
      migrations: 'migrations',
    },
    files: {
      'migrations/0001_heard.up.sql': 'create table heard (n int);',
      'migrations/0001_heard.down.sql': 'drop table heard;',
      'schemas/counted.json': '{ "type": "object" }',
    },
    code: `export default {
      endpoints: {
        'POST /count': async (request, ctx) => {
          await ctx.events.publish('${EVENT}', { n: request.body.n });
          return { body: '1.${minor}.0' };
        },
        'GET /handled': async (_request, ctx) => ({
          body: (await ctx.db.query('select count(*)::int as "all", count(distinct n)::int as "distinct" from heard')).rows[0],
        }),
      },
      events: { '${EVENT}': async (event, ctx) => {
        await ctx.db.query('insert into heard (n) values ($1)', [event.data.n]);
      } },
    };`,
  });
}
