import { afterEach, expect, it } from 'vitest';
import { CallNotTaken } from '../../../kernel/sandbox/death.ts';
import { createHarness, type Harness, type HarnessOptions, REQUEST } from './harness.ts';

/** Its handlers note in the log what begins and ends. */
const CODE = `
const at = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
export default { events: {
  noted: async ({ data }, ctx) => {
    ctx.log.info('begins ' + data.n);
    if (data.ms) await at(data.ms);
    if (data.fails) throw new Error('no');
    while (data.spins);
    ctx.log.info('ends ' + data.n);
  },
} };`;

let harness: Harness;
afterEach(() => harness[Symbol.asyncDispose]());

async function start(options: HarnessOptions = {}): Promise<void> {
  harness = await createHarness({ code: CODE, ...options });
  await harness.process.start();
}

interface Data {
  readonly n: number;
  readonly ms?: number;
  readonly fails?: boolean;
  readonly spins?: boolean;
  readonly text?: string;
}

/** What became of each: `made`, a code, or `not made`. */
async function invoke(events: readonly Data[], deadlineMs = 20_000): Promise<string[]> {
  const calls = events.map((data) => ({
    target: { kind: 'event' as const, name: 'noted' },
    payload: { data: { ...data } },
    options: { request: REQUEST, deadlineMs, cpuMs: 500 },
  }));
  const results = await Promise.allSettled(harness.process.invokeInTurn(calls));
  return results.map((result) => {
    if (result.status === 'fulfilled') return 'made';
    return result.reason instanceof CallNotTaken ? 'not made' : result.reason.code;
  });
}

const noted = () => harness.logs.map(({ message }) => message).filter((text) => /^(begins|ends) /.test(text));
const upTo = (count: number) => Array.from({ length: count }, (_, n) => n);

it('begins each when the one before has ended', async () => {
  await start();
  const events = upTo(40).map((n) => ({ n, ms: n % 3 === 0 ? 5 : 0 }));
  expect(await invoke(events)).toEqual(events.map(() => 'made'));
  expect(noted()).toEqual(upTo(40).flatMap((n) => [`begins ${n}`, `ends ${n}`]));
});

it.each([0, 5])('makes none that is behind one that failed after %d ms', async (ms) => {
  await start();
  const events = upTo(6).map((n) => ({ n, ms, fails: n === 2 }));
  const behind = ['not made', 'not made', 'not made'];
  expect(await invoke(events)).toEqual(['made', 'made', 'E_EXTENSION', ...behind]);
  expect(noted().at(-1)).toBe('begins 2');
  expect(harness.process.stats.errors).toBe(1);
  expect(await invoke([{ n: 7 }, { n: 8 }])).toEqual(['made', 'made']);
});

it('keeps turns apart', async () => {
  await start();
  const slow = invoke(upTo(3).map((n) => ({ n, ms: 50 })));
  const failing = invoke([{ n: 10, fails: true }, { n: 11 }]);
  expect(await failing).toEqual(['E_EXTENSION', 'not made']);
  expect(await invoke([{ n: 20 }, { n: 21 }])).toEqual(['made', 'made']);
  expect(await slow).toEqual(['made', 'made', 'made']);
});

it('gives each the time of one call', async () => {
  await start();
  expect(
    await invoke(
      [0, 1, 2].map((n) => ({ n, ms: 2_000 })),
      5_000,
    ),
  ).toEqual(['made', 'made', 'made']);
});

it('makes none that is behind one that took too long', async () => {
  await start();
  expect(await invoke([{ n: 0 }, { n: 1, ms: 60_000 }, { n: 2 }, { n: 3 }], 2_500)).toEqual([
    'made',
    'E_LIMIT_WALL',
    'not made',
    'not made',
  ]);
  expect(noted().at(-1)).toBe('begins 1');
  expect(await invoke([{ n: 4 }, { n: 5 }])).toEqual(['made', 'made']);
});

it('makes none that is behind one that ended the cell, and goes on in the next', async () => {
  await start();
  expect(await invoke([{ n: 0 }, { n: 1, spins: true }, { n: 2 }, { n: 3 }])).toEqual([
    'made',
    'E_LIMIT_CPU',
    'not made',
    'not made',
  ]);
  expect(harness.process.stats.errors).toBe(1);
  expect(await invoke([{ n: 4 }])).toEqual(['made']); // waits for it
});

it('makes none that is behind one that cannot be sent', async () => {
  await start();
  const text = '\u0001'.repeat(400_000); // six times as long in a frame
  expect(await invoke([{ n: 0 }, { n: 1, text }, { n: 2 }])).toEqual(['made', 'E_LIMIT_OUTPUT', 'not made']);
});

it('makes none without a cell', async () => {
  harness = await createHarness({ code: CODE });
  expect(await invoke([{ n: 0 }, { n: 1 }])).toEqual(['not made', 'not made']);
  expect(await invoke([{ n: 0 }])).toEqual(['E_STATE']);
});
