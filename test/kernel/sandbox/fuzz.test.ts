import type { ChildProcess } from 'node:child_process';
import { EventEmitter } from 'node:events';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { MagError, toMagError } from '../../../kernel/errors.ts';
import { RunningCell } from '../../../kernel/sandbox/running-cell.ts';
import { isCode } from '../../../manifests/catalog/index.ts';
import { silentLogger } from '../../support/silent-logger.ts';
import { endpoint, REQUEST } from './harness.ts';
import { openSocketPair } from './socket-pair.ts';

const CALLS = 3;

function bytesOf(text: string | Uint8Array): Buffer {
  const body = Buffer.from(text);
  const header = Buffer.alloc(4);
  header.writeUInt32BE(body.length);
  return Buffer.concat([header, body]);
}

const frame = (value: unknown) => bytesOf(JSON.stringify(value));
const number = fc.oneof(fc.nat(CALLS + 1), fc.integer(), fc.double(), fc.constant('1'));
const text = fc.oneof(fc.string(), fc.constantFrom('null', '{"__proto__":{"polluted":1}}', '[', '__proto__'));
const error = fc.oneof(
  fc.record({ code: text, message: text }),
  fc.record({ code: fc.constantFrom('E_CAP_UNDECLARED', 'E_LIMIT_CPU', 'E_DB'), message: text, stack: text }),
);

/** Frames as a cell might send them, right and wrong, and bytes that are none. */
const sent = fc.oneof(
  fc.record({ t: fc.constant('ack'), id: number }).map(frame),
  fc.record({ t: fc.constant('reply'), id: number, value: text, cpuUs: number }).map(frame),
  fc.record({ t: fc.constant('reply'), id: number, error, cpuUs: number }).map(frame),
  fc.record({ t: fc.constant('host-call'), id: number, call: number, name: text, params: text }).map(frame),
  fc
    .record({
      t: fc.constant('log'),
      level: fc.constantFrom('info', 'loud'),
      message: text,
      fields: text,
      call: number,
    })
    .map(frame),
  fc.record({ t: fc.constant('heartbeat'), heapBytes: number, cpuUs: number }).map(frame),
  fc.record({ t: fc.constantFrom('credit', 'refused'), bytes: number, what: text, count: number }).map(frame),
  fc.record({ t: fc.constant('credit'), bytes: number }).map(frame),
  fc.json().map(bytesOf),
  fc.uint8Array({ minLength: 1, maxLength: 64 }).map(bytesOf),
  fc.uint8Array({ maxLength: 16 }).map((bytes) => Buffer.from(bytes)),
);

/** Calls into a cell that sends these bytes, in pieces of this size, and then is gone. */
async function outcomes(
  frames: readonly Buffer[],
  pieceBytes: number,
): Promise<({ value: string } | { code: string })[]> {
  await using pair = await openSocketPair();
  const child = Object.assign(new EventEmitter(), { pid: undefined, kill: () => true });
  const launched = { child: child as unknown as ChildProcess, channel: pair.host, stderr: () => '' };
  const cell = new RunningCell(launched, 64, silentLogger);
  cell.assign({
    owner: {
      hostCall: (name) => Promise.reject(new MagError(name === 'db' ? 'E_DB' : 'E_PARAMS', 'no')),
      log: () => undefined,
    },
    hostCallsPerSecond: 10,
  });
  pair.cell.resume();
  pair.cell.write(frame({ t: 'hello', pid: 1, node: 'v24' }));
  await cell.hello();
  const options = { request: REQUEST, deadlineMs: 10_000, cpuMs: 100 };
  const calls = Array.from({ length: CALLS }, () => cell.call(endpoint('x'), 'null', options));
  const settled = Promise.allSettled(calls);
  const all = Buffer.concat(frames);
  for (let at = 0; at < all.length; at += pieceBytes) pair.cell.write(all.subarray(at, at + pieceBytes));
  pair.cell.end();
  pair.host.once('close', () => child.emit('close', 1, null));
  await cell.ended;
  return (await settled).map((outcome) =>
    outcome.status === 'fulfilled' ? { value: outcome.value } : { code: toMagError(outcome.reason).code },
  );
}

it('whatever a cell sends, each call ends with a text or one of our codes', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(sent, { maxLength: 20 }),
      fc.integer({ min: 1, max: 64 }),
      async (frames, size) => {
        const ended = await outcomes(frames, size);
        expect(ended).toHaveLength(CALLS);
        for (const outcome of ended) {
          if ('value' in outcome) expect(typeof outcome.value).toBe('string');
          else expect(isCode(outcome.code) && outcome.code !== 'E_INTERNAL').toBe(true);
        }
        expect(Object.keys(Object.prototype)).toEqual([]);
      },
    ),
    { numRuns: 150 },
  );
}, 120_000);

it('a cell that ends without a word loses its calls', async () => {
  const ended = await outcomes([], 1);
  expect(ended).toEqual(Array(CALLS).fill({ code: 'E_CELL_LOST' }));
});
