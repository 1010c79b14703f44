import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { expect, it } from 'vitest';
import { Author } from '../support/author.ts';
import { until } from '../support/host.ts';
import { expectAgreement } from './world/agreement.ts';
import { ChaosHost } from './world/chaos-host.ts';
import { MortalPostgres } from './world/mortal-postgres.ts';
import { random } from './world/seed.ts';
import { ID, publishSubject } from './world/subject.ts';

it('Postgres that is killed and restarted under load loses nothing that was acknowledged', async () => {
  const next = random('postgres');
  await using postgres = await MortalPostgres.start();
  await using author = await Author.create('acme');
  await using host = await ChaosHost.start({ DATABASE_URL: postgres.server.url });
  const { pid } = host;
  await host.trust(author);
  await host.stage(await publishSubject(author, '1.0.0'));
  await host.operate(ID, 'install', { version: '1.0.0', approve: 'all' });
  await host.operate(ID, 'enable');

  const acknowledged: number[] = [];
  const codes = new Map<string, number>();
  let isOver = false;
  const load = async (from: number): Promise<void> => {
    for (let id = from; !isOver; id += 4) {
      const { status, body } = await host.ask('POST', `/x/${ID}/note`, { id });
      const what = status === 204 ? 'acknowledged' : String(body.code);
      codes.set(what, (codes.get(what) ?? 0) + 1);
      if (status === 204) acknowledged.push(id);
      else await sleep(20);
    }
  };
  const loads = [1, 2, 3, 4].map(load);
  for (let round = 0; round < 4; round++) {
    await sleep(500 + next() * 1_000);
    if (round % 2 === 0) await postgres.killBackend();
    else await postgres.killServer();
    const before = acknowledged.length;
    await until(
      async () => acknowledged.length,
      (now) => now > before + 10, // it serves again
      60_000,
    );
  }
  isOver = true;
  await Promise.all(loads);
  process.stdout.write(`chaos: Postgres killed 4 times: ${JSON.stringify(Object.fromEntries(codes))}\n`);

  // Every refusal says that it is the database, and nothing else.
  for (const code of codes.keys()) {
    expect(code).toBeOneOf([
      'acknowledged',
      'E_STORAGE',
      'E_DB',
      'E_DB_TIMEOUT',
      'E_EXTENSION',
      'E_LIMIT_RATE',
    ]);
  }
  type Note = { id: number; line: string | null };
  const notes = async (): Promise<Note[]> => {
    const { status, body } = await host.ask('GET', `/x/${ID}/notes`);
    return status === 200 ? body : []; // the database may still be coming back
  };
  const all = await until(notes, (rows) => {
    const heard = new Set(rows.filter(({ line }) => line !== null).map(({ id }) => id));
    return acknowledged.every((id) => heard.has(id));
  });
  expect(all.length).toBeGreaterThanOrEqual(acknowledged.length);
  expect(host.pid).toBe(pid);
  const pool = new pg.Pool({ connectionString: postgres.server.url });
  try {
    const database = { url: postgres.server.url, pool, drop: async () => undefined };
    expect(await expectAgreement(host, database)).toBe('enabled 1.0.0');
  } finally {
    await pool.end();
  }
}, 300_000);
