import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { Author } from '../support/author.ts';
import { createTestDatabase } from '../support/database.ts';
import { until } from '../support/host.ts';
import { expectAgreement } from './world/agreement.ts';
import { ChaosHost } from './world/chaos-host.ts';
import { random } from './world/seed.ts';
import { ID, publishSubject } from './world/subject.ts';

/** One more within ten minutes and it would be quarantined, rightly. */
const DEATHS = 4;

it('cells that are killed at random under load come back, and every call is answered', async () => {
  const next = random('cells');
  await using author = await Author.create('acme');
  const database = await createTestDatabase();
  await using _drop = { [Symbol.asyncDispose]: () => database.drop() };
  await using host = await ChaosHost.start({ DATABASE_URL: database.url });
  await host.trust(author);
  await host.stage(await publishSubject(author, '1.0.0'));
  await host.operate(ID, 'install', { version: '1.0.0', approve: 'all' });
  await host.operate(ID, 'enable');

  const acknowledged: number[] = [];
  const codes = new Map<string, number>();
  let isOver = false;
  const load = async (from: number) => {
    for (let id = from; !isOver; id += 4) {
      const { status, body } = await host.ask('POST', `/x/${ID}/note`, { id });
      const what = status === 204 ? 'acknowledged' : String(body.code);
      codes.set(what, (codes.get(what) ?? 0) + 1);
      if (status === 204) acknowledged.push(id);
    }
  };
  const loads = [1, 2, 3, 4].map(load);
  const cell = async (): Promise<number | undefined> => (await host.show(ID)).health.process?.pid;
  for (let death = 0, last = 0; death < DEATHS; death++) {
    await sleep(200 + next() * 600);
    last = (await until(cell, (pid) => pid !== undefined && pid !== null && pid !== last)) ?? 0;
    process.kill(last, 'SIGKILL');
  }
  await sleep(500);
  isOver = true;
  await Promise.all(loads);
  process.stdout.write(`chaos: cells killed ${DEATHS} times: ${JSON.stringify(Object.fromEntries(codes))}\n`);

  for (const code of codes.keys()) expect(code).toBeOneOf(['acknowledged', 'E_CELL_LOST']);
  const notes = async () => (await host.ask('GET', `/x/${ID}/notes`)).body as { id: number; line: unknown }[];
  await until(notes, (rows) => {
    const heard = new Set(rows.filter(({ line }) => line !== null).map(({ id }) => id));
    return acknowledged.every((id) => heard.has(id)); // no event of one is lost either
  });
  expect(await expectAgreement(host, database)).toBe('enabled 1.0.0');
}, 120_000);
