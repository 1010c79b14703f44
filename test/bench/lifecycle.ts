import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { Author } from '../support/author.ts';
import { serving } from '../support/sources.ts';
import { BenchHost } from './bench-host.ts';
import { type Effort, quantile, type Report, type Suite } from './case.ts';

const TIMES = 10;
const QUICK_TIMES = 4;
const MIB = 1_048_576;
const EXTENSIONS = 100;
const QUICK_EXTENSIONS = 20;
/** Of own memory, for each extension that does nothing: 2.5 GiB for a hundred. */
const MIB_EACH = 25.6;
/** Packages that are installed at a time. */
const OPERATORS = 4;
/** Milliseconds over which it is looked what idle extensions cost, and after which their memory is looked at again. */
const IDLE_MS = 10_000;
const QUICK_IDLE_MS = 3_000;
const FLAT_MS = 10 * 60_000;
/** Of `/proc/<pid>/stat`: a hundredth of a second. */
const TICK_MS = 10;

const idle = (name: string, text = '') => ({
  manifest: serving(name, ['GET /ping']),
  code: `const text = ${JSON.stringify(text)}; export default { endpoints: { 'GET /ping': async () => ({ body: text.length }) } };`,
});

/** What operators do with extensions, and how many a host holds. */
export const lifecycle: Suite = {
  name: 'lifecycle',
  async run(report, effort) {
    await using host = await BenchHost.start();
    await using author = await Author.create('acme');
    await host.trust(author, 'verified');
    await enabling(host, author, report, effort);
    await staging(host, author, report, effort);
    await density(host, author, report, effort);
  },
};

async function enabling(host: BenchHost, author: Author, report: Report, { quick }: Effort): Promise<void> {
  const signed = await author.publish(idle('enabled'));
  await host.stage(signed);
  await host.operate(signed.id, 'install', { version: signed.version, approve: 'all' });
  const [ours, bare]: [number[], number[]] = [[], []];
  for (let n = 0; n < (quick ? QUICK_TIMES : TIMES); n++) {
    ours.push(await timed(() => host.operate(signed.id, 'enable')));
    bare.push(await timed(startNode));
    await host.operate(signed.id, 'disable');
  }
  const [middle, start] = [quantile(ours, 0.5), quantile(bare, 0.5)];
  report({
    name: 'enable, from the call to two good health checks',
    against: 'starting a bare Node process',
    ratio: middle / start,
    aim: '<= 3',
    detail: `${middle.toFixed(0)} ms against ${start.toFixed(0)} ms`,
  });
}

async function staging(host: BenchHost, author: Author, report: Report, { quick }: Effort): Promise<void> {
  const [ours, hashing]: [number[], number[]] = [[], []];
  for (let n = 0; n < (quick ? QUICK_TIMES : TIMES); n++) {
    // Of random text: what compresses well is refused.
    const signed = await author.publish(idle(`large-${n}`, randomBytes(MIB).toString('base64url')));
    ours.push(await timed(() => host.stage(signed)));
    hashing.push(await timed(() => createHash('sha256').update(signed.archive).digest()));
  }
  const [middle, hash] = [quantile(ours, 0.5), quantile(hashing, 0.5)];
  report({
    name: 'verify and stage a package of one MiB',
    against: 'its sha256',
    ratio: middle / hash,
    aim: 'report',
    detail: `${middle.toFixed(0)} ms against ${hash.toFixed(1)} ms`,
  });
}

/** A host full of extensions that do nothing: what it takes to get there, to start again, and to stay. */
async function density(host: BenchHost, author: Author, report: Report, { quick }: Effort): Promise<void> {
  const count = quick ? QUICK_EXTENSIONS : EXTENSIONS;
  const packages = await Promise.all(
    Array.from({ length: count }, (_, n) => author.publish(idle(`idle-${n}`))),
  );
  const took = await timed(() => atOnce(OPERATORS, packages, (signed) => host.run(signed)));
  const { start, bare } = await starting(host, count);
  report({
    name: `start of a host with ${count} extensions, to all ready`,
    against: 'starting as many bare Node processes, two at a time',
    ratio: start / bare,
    aim: 'report',
    detail: `${seconds(start)} against ${seconds(bare)}; they were installed and enabled in ${seconds(took)}`,
  });
  const pids = await cellsOf(host);
  await idleCost(host, pids, report, quick ? QUICK_IDLE_MS : IDLE_MS);
  // V8 fills the young part of a heap once before it collects it: heartbeats take some minutes for that.
  if (!quick) await sleep(FLAT_MS / 2);
  const first = await memoryOf(pids);
  if (!quick) await sleep(FLAT_MS / 2);
  const last = await memoryOf(await cellsOf(host));
  report({
    name: `${count} idle extensions, a cell each`,
    against: `${MIB_EACH} MiB of own memory each`,
    ratio: last.own / count / MIB_EACH,
    aim: '<= 1',
    detail: `${last.own.toFixed(0)} MiB in all of their own, ${last.shared.toFixed(0)} MiB with their share of what they map`,
  });
  if (quick) return;
  report({
    name: `the same after ${FLAT_MS / 60_000} minutes`,
    against: 'after half of them',
    ratio: last.own / first.own,
    aim: '<= 1.05',
    detail: `${last.own.toFixed(0)} MiB of their own against ${first.own.toFixed(0)} MiB`,
  });
}

async function starting(host: BenchHost, count: number): Promise<{ start: number; bare: number }> {
  await host.stop();
  const bare = await timed(() => atOnce(2, Array.from({ length: count }), startNode));
  const start = await timed(() => host.start());
  const { extensions } = await host.ask('GET', '/v1/startup');
  const started = extensions.filter(({ state }: { state: string }) => state === 'started').length;
  if (started < count) throw new Error(`${started} of ${count} extensions started`);
  return { start, bare };
}

/** What they cost while nobody asks them anything. */
async function idleCost(
  host: BenchHost,
  pids: readonly number[],
  report: Report,
  idleMs: number,
): Promise<void> {
  const all = () => Promise.all([cpuMs(host.pid), ...pids.map(cpuMs)]);
  const before = await all();
  await sleep(idleMs);
  const after = await all();
  const [ofHost = 0, ...ofCells] = after.map((ms, n) => (ms - (before[n] ?? 0)) / idleMs);
  const cells = ofCells.reduce((sum, share) => sum + share, 0);
  report({
    name: `processors that ${pids.length} idle extensions take`,
    against: 'one',
    ratio: ofHost + cells,
    aim: 'report',
    detail: `${(ofHost * 100).toFixed(1)} % of one the host, ${(cells * 100).toFixed(1)} % all cells`,
  });
}

async function cellsOf(host: BenchHost): Promise<number[]> {
  const { extensions } = await host.ask('GET', '/v1/extensions');
  const shown = extensions.map(({ id }: { id: string }) => host.ask('GET', `/v1/extensions/${id}`));
  const pids = (await Promise.all(shown)).map(({ health }) => health.process?.pid);
  return pids.filter(Number.isInteger);
}

/** MiB: what is private to the processes, and the same with their share of what they have in common with others. */
async function memoryOf(pids: readonly number[]): Promise<{ own: number; shared: number }> {
  const texts = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/smaps_rollup`, 'utf8')));
  const sum = (row: RegExp) => {
    const kib = [...texts.join('').matchAll(row)].map(([, value]) => Number(value));
    return kib.reduce((total, value) => total + value, 0) / 1_024;
  };
  return { own: sum(/^Private_\w+:\s+(\d+) kB$/gm), shared: sum(/^Pss:\s+(\d+) kB$/gm) };
}

/** Processor milliseconds of a process so far. */
async function cpuMs(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/stat`, 'latin1');
  const [user = 0, system = 0] = text
    .slice(text.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 13)
    .map(Number);
  return (user + system) * TICK_MS;
}

/** Does the work for each, so many at a time. */
async function atOnce<Item>(
  limit: number,
  items: readonly Item[],
  work: (item: Item) => Promise<unknown>,
): Promise<void> {
  const left = [...items.keys()];
  const loop = async () => {
    for (let n = left.shift(); n !== undefined; n = left.shift()) await work(items[n] as Item);
  };
  await Promise.all(Array.from({ length: limit }, loop));
}

const startNode = () => once(spawn(process.execPath, ['-e', '0']), 'exit');
const seconds = (ms: number) => `${(ms / 1_000).toFixed(1)} s`;

async function timed(work: () => unknown): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}
