import { expect, it } from 'vitest';
import { Author } from '../../support/author.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { expectAgreement } from './agreement.ts';
import { ChaosHost } from './chaos-host.ts';
import { PostgresProxy } from './postgres-proxy.ts';
import { random } from './seed.ts';
import { ID, publishSubject } from './subject.ts';

const LONG_MS = 15 * 60_000;
/** `npm run test:chaos` kills behind each write, `npm test` behind every twentieth, from a random one on. */
const EVERY = process.env.MAG_CHAOS === 'full' ? 1 : 20;

/** Of its own an operation has more than these, whatever a host writes beside it. */
const FEWEST_WRITES = 8;

export interface Killing {
  readonly kind: 'install' | 'enable' | 'disable' | 'upgrade' | 'rollback' | 'uninstall';
  readonly body?: object;
  /** The state it begins from; brought about from any state that the kill led to. */
  readonly from: string;
  /** Where it leads to when nothing is in its way. */
  readonly to: string;
}

/**
 * Kills the host behind each write of an operation in turn: the first, then the second, until the operation is
 * through before the kill comes. After each, the host starts again and everything agrees.
 */
export function killAfterEachWrite(killing: Killing): void {
  const { kind, body = {}, from, to } = killing;
  it(
    `a host that is killed behind each write of ${kind} in turn comes back to a legal state`,
    async () => {
      await using author = await Author.create('acme');
      const packages = [await publishSubject(author, '1.0.0'), await publishSubject(author, '1.1.0')];
      const database = await createTestDatabase();
      await using _drop = { [Symbol.asyncDispose]: () => database.drop() };
      await using proxy = await PostgresProxy.open(database.url);
      await using host = await ChaosHost.start({ DATABASE_URL: proxy.url });
      await host.trust(author);
      const ends = new Map<string, number>();
      let kills = 0;
      for (let n = 1 + Math.floor(random(kind)() * EVERY); ; n += EVERY) {
        await bringTo(host, from, packages);
        const through = await runUntilWrite(host, proxy, n, () => host.begin(ID, kind, body));
        const write = proxy.writes.at(-1);
        if (!through) await host.boot();
        const state = await expectAgreementAt(host, database, `${kind}, killed behind write ${n}: ${write}`);
        if (through) {
          expect(state).toBe(to);
          process.stdout.write(`chaos: ${kind}: killed ${kills} times, ${summary(ends)}\n`);
          expect(kills).toBeGreaterThanOrEqual(Math.floor(FEWEST_WRITES / EVERY));
          return;
        }
        expect(state).toBeOneOf([from, to]);
        kills++;
        ends.set(state, (ends.get(state) ?? 0) + 1);
      }
    },
    LONG_MS,
  );
}

/** @returns whether the operation was through before the n-th write */
async function runUntilWrite(
  host: ChaosHost,
  proxy: PostgresProxy,
  n: number,
  begin: () => Promise<string>,
): Promise<boolean> {
  const { process: child } = host;
  proxy.arm(n, () => child.child.kill('SIGKILL'));
  const worked = begin()
    .then((operation) => host.ended(operation))
    .then(
      ({ state }) => {
        proxy.disarm();
        expect(state).toBe('succeeded');
        return true;
      },
      (failure) => {
        if (proxy.writes.length < n) throw failure; // it was not the kill that ended it
        return false;
      },
    );
  const through = await Promise.race([worked, child.ended.then(() => false)]);
  await worked;
  if (through && !child.child.killed) return true;
  await child.ended;
  return false;
}

async function expectAgreementAt(host: ChaosHost, database: TestDatabase, when: string): Promise<string> {
  try {
    return await expectAgreement(host, database);
  } catch (failure) {
    throw new Error(when, { cause: failure });
  }
}

/** Brings the subject to a state by what an operator would do. */
export async function bringTo(
  host: ChaosHost,
  wanted: string,
  [old, next]: readonly Awaited<ReturnType<typeof publishSubject>>[],
): Promise<void> {
  if (old === undefined || next === undefined) return;
  const before = await stateOf(host);
  if (before === wanted) return;
  if (wanted === 'enabled 1.1.0' && before === 'enabled 1.0.0') return upgrade(host, next);
  if (wanted === 'enabled 1.0.0' && before === 'enabled 1.1.0') return host.operate(ID, 'rollback');
  if (before.startsWith('enabled')) await host.operate(ID, 'disable');
  if (before !== 'staged' && before !== 'uninstalled') await host.operate(ID, 'uninstall', { purge: true });
  await host.stage(old);
  if (wanted === 'staged') return;
  await host.operate(ID, 'install', { version: '1.0.0', approve: 'all' });
  if (wanted === 'installed') return;
  await host.operate(ID, 'enable');
  if (wanted === 'disabled') return host.operate(ID, 'disable');
  if (wanted === 'enabled 1.1.0') return upgrade(host, next);
  await host.stage(next);
}

async function upgrade(host: ChaosHost, next: Awaited<ReturnType<typeof publishSubject>>): Promise<void> {
  await host.stage(next);
  await host.operate(ID, 'upgrade', { version: '1.1.0', approve: 'all' });
}

async function stateOf(host: ChaosHost): Promise<string> {
  const shown = await host.show(ID);
  if (shown === null) return 'uninstalled';
  return shown.state === 'enabled' ? `enabled ${shown.version}` : shown.state;
}

function summary(ends: ReadonlyMap<string, number>): string {
  return [...ends].map(([state, count]) => `${count} times ${state}`).join(', ');
}
