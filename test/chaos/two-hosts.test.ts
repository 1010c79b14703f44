import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { Author } from '../support/author.ts';
import { createTestDatabase } from '../support/database.ts';
import { until } from '../support/host.ts';
import { ChaosHost } from './world/chaos-host.ts';
import { random } from './world/seed.ts';
import { ID, MIGRATIONS, publishSubject, TABLES, type Version } from './world/subject.ts';

const ROUNDS = process.env.MAG_CHAOS === 'full' ? 40 : 15;
const MOVES = ['enable', 'disable', 'upgrade', 'rollback'] as const;
/** What a move may be refused or fail with when another one came first. */
const LOST = ['E_STATE', 'E_NOT_FOUND', 'E_PKG_ROLLBACK', 'E_CANCELLED'];

it('two hosts that are told different things at once do one after the other, and end up alike', async () => {
  const next = random('two hosts');
  await using author = await Author.create('acme');
  const database = await createTestDatabase();
  await using _drop = { [Symbol.asyncDispose]: () => database.drop() };
  await using first = await ChaosHost.start({ DATABASE_URL: database.url });
  await first.trust(author);
  await using second = await ChaosHost.start({ DATABASE_URL: database.url }, { trusting: first });
  const hosts = [first, second];
  for (const version of ['1.0.0', '1.1.0'] as const) await first.stage(await publishSubject(author, version));
  await first.operate(ID, 'install', { version: '1.0.0', approve: 'all' });

  const outcomes = new Map<string, number>();
  const count = (outcome: string) => outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  for (let round = 0; round < ROUNDS; round++) {
    const told = hosts.map(async (host) => {
      const kind = MOVES[Math.floor(next() * MOVES.length)] ?? 'enable';
      const body = kind === 'upgrade' ? { version: '1.1.0', approve: 'all' } : {};
      const answer = await host.ask('POST', `/v1/extensions/${ID}/${kind}`, body);
      if (answer.status !== 202) {
        expect(answer.body.code).toBeOneOf(LOST);
        return count(`${kind} refused`);
      }
      if (next() < 0.2) await host.ask('POST', `/v1/operations/${answer.body.operation}/cancel`);
      const operation = await host.ended(answer.body.operation);
      if (operation.state !== 'succeeded') expect(operation.error.code).toBeOneOf(LOST);
      return count(`${kind} ${operation.state}`);
    });
    await Promise.all(told);
    if (next() < 0.3) await sleep(next() * 100);
  }
  process.stdout.write(`chaos: two hosts: ${JSON.stringify(Object.fromEntries(outcomes))}\n`);

  const shown = await first.show(ID);
  const version: Version = shown.version;
  const expected = shown.state === 'enabled' ? version : 'E_NOT_ENABLED';
  for (const host of hosts) {
    const served = async () => {
      const { status, body } = await host.ask('GET', `/x/${ID}/version`);
      return status === 200 ? body : body.code;
    };
    expect(await until(served, (now) => now === expected)).toBe(expected);
    expect((await host.ask('GET', '/v1/audit/verify')).body).toMatchObject({ ok: true });
  }
  const { rows } = await database.pool.query(
    `SELECT (SELECT json_agg(name ORDER BY name) FROM mag.extension_migrations) AS migrations,
       (SELECT json_agg(relname ORDER BY relname) FROM pg_class
         WHERE relnamespace = 'ext_acme_subject'::regnamespace AND relkind = 'r') AS tables,
       (SELECT count(*)::int FROM mag.operation_locks) AS locks,
       (SELECT count(*)::int FROM mag.operations WHERE state = 'running') AS running`,
  );
  expect(rows).toEqual([{ migrations: MIGRATIONS[version], tables: TABLES[version], locks: 0, running: 0 }]);
}, 300_000);
