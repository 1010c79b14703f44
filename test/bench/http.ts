import { Author } from '../support/author.ts';
import { serving } from '../support/sources.ts';
import { BenchHost } from './bench-host.ts';
import { type Effort, quantile, type Report, type Suite } from './case.ts';
import { HttpLoad } from './load.ts';
import { startFastify, startWorkerd } from './peers/start.ts';
import { processorUs } from './processor-time.ts';

const CONNECTIONS = 32;
/** Answered by each side before it is measured: none of them is still being compiled then. */
const WARM_UP = 30_000;
const QUICK_WARM_UP = 10_000;
const PATH = '/greet/Ada';
const GREETER = {
  manifest: serving('greeter', ['GET /greet/:name']),
  code: `export default { endpoints: { 'GET /greet/:name': async ({ params }) => ({ body: { hello: params.name } }) } };`,
};

/** An endpoint of an extension over HTTP, with its token checked, and what the same costs elsewhere without. */
export const http: Suite = {
  name: 'http',
  async run(report, effort) {
    await using host = await BenchHost.start();
    await using fastify = await startFastify();
    await using workerd = await startWorkerd();
    await using plain = await Side.of(fastify, PATH);
    // Before there is any extension: cells cost their share of the machine.
    await using untapped = await Side.of({ url: host.url, pid: host.pid }, '/healthz');
    const name = 'a request that no extension has to do with';
    {
      using _ = stayAwake();
      await compare(report, effort, { name, aim: '>= 0.95', against: 'bare fastify' }, untapped, plain);
    }
    for (const [publisher, tier, aim] of [
      ['acme', 'verified', '>= 0.4'],
      ['globex', 'community', '>= 0.3'],
    ] as const) {
      await using author = await Author.create(publisher);
      await host.trust(author, tier);
      await host.run(await author.publish(GREETER));
      const path = `/x/${publisher}/greeter${PATH}`;
      await using ours = await Side.of({ url: host.url, pid: host.pid }, path, host.token);
      const name = `endpoint of an extension, tier ${tier}, ${CONNECTIONS} connections`;
      await compare(report, effort, { name, aim, against: 'the same route on bare fastify' }, ours, plain);
      if (workerd === null || tier !== 'verified') continue;
      await using peer = await Side.of(workerd, PATH);
      const against = 'the same worker on workerd';
      await compare(report, effort, { name, aim: '>= 1.5', against }, ours, peer);
    }
  },
};

/**
 * Keeps this process from sleeping while it has nothing to read. Who answers a client that sleeps wakes it, which takes
 * a server a third of its time here; one that is a little slower finds it asleep each time, and one that is a little
 * faster never. Only where both sides are one process: this one takes the other processor.
 */
function stayAwake(): Disposable {
  let awake = true;
  const turn = () => void (awake && setImmediate(turn));
  turn();
  return {
    [Symbol.dispose]() {
      awake = false;
    },
  };
}

/** A server under load, with the processes it is made of. */
class Side implements AsyncDisposable {
  readonly #pid: number;
  readonly #load: HttpLoad;
  readonly #rates: number[] = [];
  readonly #costs: number[] = [];

  private constructor(pid: number, load: HttpLoad) {
    this.#pid = pid;
    this.#load = load;
  }

  static async of({ url, pid }: { url: string; pid: number }, path: string, token?: string): Promise<Side> {
    return new Side(pid, await HttpLoad.open(url, path, CONNECTIONS, token));
  }

  async warmUp(requests: number): Promise<void> {
    await this.#load.send(requests);
    this.#rates.length = 0;
    this.#costs.length = 0;
  }

  async measure(ms: number): Promise<void> {
    const before = await processorUs(this.#pid);
    const startedAt = performance.now();
    const rate = await this.#load.rate(ms);
    const answers = (rate * (performance.now() - startedAt)) / 1_000;
    this.#rates.push(rate);
    this.#costs.push(((await processorUs(this.#pid)) - before) / answers);
  }

  get rate(): number {
    return quantile(this.#rates, 0.5);
  }

  /** `4578/s at 120 µs of processor time each` */
  get detail(): string {
    const cost = quantile(this.#costs, 0.5);
    return `${this.rate.toFixed(0)}/s${Number.isNaN(cost) ? '' : ` at ${cost.toFixed(0)} µs of processor time each`}`;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#load[Symbol.asyncDispose]();
  }
}

async function compare(
  report: Report,
  { rounds, roundMs, quick }: Effort,
  { name, aim, against }: { name: string; aim: string; against: string },
  ours: Side,
  theirs: Side,
): Promise<void> {
  for (const side of [ours, theirs]) await side.warmUp(quick ? QUICK_WARM_UP : WARM_UP);
  for (let round = 0; round < rounds; round++) {
    for (const side of [ours, theirs]) await side.measure(roundMs);
  }
  const detail = `${ours.detail} against ${theirs.detail}`;
  report({ name: `${name}; ${against}`, against, ratio: ours.rate / theirs.rate, aim, detail });
}
