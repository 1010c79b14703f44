import { setTimeout as sleep } from 'node:timers/promises';
import { Author } from '../support/author.ts';
import { serving } from '../support/sources.ts';
import { BenchHost } from './bench-host.ts';
import { quantile, type Suite } from './case.ts';

const PER_SECOND = 100;
const UPGRADES = 10;
const QUICK_UPGRADES = 3;
/** Milliseconds between two upgrades. */
const PAUSE_MS = 500;
const QUIET_MS = 10_000;
const QUICK_QUIET_MS = 3_000;

/** What clients notice of an upgrade: nothing, if all is well. */
export const upgrades: Suite = {
  name: 'upgrades',
  async run(report, { quick }) {
    await using host = await BenchHost.start();
    await using author = await Author.create('acme');
    await host.trust(author, 'verified');
    const publish = (version: string) =>
      author.publish({
        manifest: { ...serving('moving', ['GET /version']), version },
        code: `export default { endpoints: { 'GET /version': async () => ({ body: '${version}' }) } };`,
      });
    await host.run(await publish('1.0.0'));
    const ask = async () => {
      const answer = await fetch(`${host.url}/x/acme/moving/version`, {
        headers: { authorization: `Bearer ${host.token}` },
      });
      await answer.arrayBuffer();
      return answer.ok;
    };
    await during(() => sleep(1_000), ask); // warm
    const quiet = await during(() => sleep(quick ? QUICK_QUIET_MS : QUIET_MS), ask);
    const count = quick ? QUICK_UPGRADES : UPGRADES;
    const moved = await during(async () => {
      for (let n = 1; n <= count; n++) {
        const signed = await publish(`1.0.${n}`);
        await host.stage(signed);
        await host.operate(signed.id, 'upgrade', { version: signed.version });
        await sleep(PAUSE_MS);
      }
    }, ask);
    const [during99, quiet99] = [quantile(moved.times, 0.99), quantile(quiet.times, 0.99)];
    report({
      name: `upgrade at ${PER_SECOND} requests a second, p99`,
      against: 'p99 without upgrades',
      ratio: moved.failed > 0 ? Number.POSITIVE_INFINITY : during99 / quiet99,
      aim: '<= 2',
      detail: `${moved.failed} of ${moved.times.length} failed in ${count} upgrades; ${during99.toFixed(1)} ms against ${quiet99.toFixed(1)} ms`,
    });
  },
};

interface Seen {
  readonly times: readonly number[];
  readonly failed: number;
}

/** Asks at a steady pace, whatever the answers do, for as long as something else takes. Times in milliseconds. */
async function during(work: () => Promise<unknown>, ask: () => Promise<boolean>): Promise<Seen> {
  const times: number[] = [];
  const open: Promise<void>[] = [];
  let failed = 0;
  const one = async () => {
    const startedAt = performance.now();
    const isGood = await ask().catch(() => false);
    times.push(performance.now() - startedAt);
    if (!isGood) failed += 1;
  };
  const timer = setInterval(() => open.push(one()), 1_000 / PER_SECOND);
  try {
    await work();
  } finally {
    clearInterval(timer);
    await Promise.all(open);
  }
  return { times, failed };
}
