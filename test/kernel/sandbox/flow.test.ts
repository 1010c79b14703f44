import { describe, expect, it } from 'vitest';
import { Channel } from '../../../kernel/sandbox/channel.ts';
import { encodeFrame, FrameDecoder } from '../../../manifests/protocol/codec.ts';
import type { CellFrame, HostFrame } from '../../../manifests/protocol/frames.ts';
import { CREDIT_BYTES, MAX_HOST_CALLS_IN_FLIGHT } from '../../../manifests/protocol/limits.ts';
import { eventually } from './harness.ts';
import { openSocketPair, type SocketPair } from './socket-pair.ts';

interface Ends {
  readonly channel: Channel;
  readonly frames: CellFrame[];
  readonly violations: unknown[];
  readonly received: HostFrame[];
  /** Sends as a cell. */
  send(...frames: CellFrame[]): void;
}

/** A channel and a cell that reads what it is sent and does nothing about it. */
function open({ host, cell }: SocketPair, onFrame: (frame: CellFrame) => void = () => undefined): Ends {
  const frames: CellFrame[] = [];
  const violations: unknown[] = [];
  const received: HostFrame[] = [];
  const channel = new Channel(host, {
    onFrame: (frame) => {
      frames.push(frame);
      onFrame(frame);
    },
    onViolation: (reason) => violations.push(reason),
  });
  const decoder = new FrameDecoder<HostFrame>((value) => value as HostFrame);
  cell.on('data', (chunk) => decoder.push(chunk, (frame) => received.push(frame)));
  const send = (...sent: CellFrame[]) =>
    void cell.write(Buffer.concat(sent.map((frame) => encodeFrame(frame) ?? new Uint8Array())));
  return { channel, frames, violations, received, send };
}

const call = (id: number, chars: number): HostFrame => ({
  t: 'call',
  id,
  target: { kind: 'endpoint', name: 'x' },
  payload: 'x'.repeat(chars),
  context: '{}',
  cpuMs: 1,
});
const hostCall = (id: number, params = '{}'): CellFrame => ({
  t: 'host-call',
  id,
  call: 1,
  name: 'state.get',
  params,
});
const log = (message = ''): CellFrame => ({ t: 'log', level: 'info', message, fields: '{}', call: 0 });

describe('what the host sends', () => {
  it('waits for credit, in order, and leaves when the cell gives some', async () => {
    await using pair = await openSocketPair();
    const { channel, received, send } = open(pair);
    for (let id = 1; id <= 8; id++) expect(channel.send(call(id, 800_000))).toBe(true);
    channel.send({ t: 'drain' });
    channel.send({ t: 'cancel', id: 1 }); // needs no credit and does not wait
    await eventually(() => received.length === 6);
    expect(received.map(({ t }) => t)).toEqual(['call', 'call', 'call', 'call', 'call', 'cancel']);
    send({ t: 'credit', bytes: 3_000_000 });
    await eventually(() => received.length === 10);
    expect(received.slice(6).map((frame) => (frame.t === 'call' ? frame.id : frame.t))).toEqual([
      6,
      7,
      8,
      'drain',
    ]);
  });

  it('can be taken back as long as it waits, and is not kept without bound', async () => {
    await using pair = await openSocketPair();
    const { channel } = open(pair);
    for (let id = 1; id <= 30; id++) channel.send(call(id, 800_000));
    expect(channel.isFull).toBe(true);
    expect([channel.withdraw(1), channel.withdraw(30), channel.withdraw(30)]).toEqual([false, true, false]);
    for (let id = 6; id < 30; id++) channel.withdraw(id);
    expect(channel.isFull).toBe(false);
  });

  it('is not made more by credit for what was never sent', async () => {
    await using pair = await openSocketPair();
    const { violations, send } = open(pair);
    send({ t: 'credit', bytes: 1 });
    await eventually(() => violations.length === 1);
    expect(violations).toMatchObject([{ code: 'E_PROTOCOL' }]);
  });
});

describe('what a cell sends', () => {
  it('is credited again when it was worked off', async () => {
    await using pair = await openSocketPair();
    const { frames, violations, received, send } = open(pair);
    let owed = 0;
    for (let i = 0; i < 2_000; i++) {
      const frame = log('x'.repeat(8_000));
      owed += encodeFrame(frame)?.length ?? 0;
      send(frame);
      const given = received.reduce((sum, host) => sum + (host.t === 'credit' ? host.bytes : 0), 0);
      if (owed - given > CREDIT_BYTES - 10_000) await eventually(() => received.length > i / 200);
    }
    await eventually(() => frames.length === 2_000);
    expect(violations).toEqual([]);
  });

  it('may not be more than there is credit for, answered or not', async () => {
    await using pair = await openSocketPair();
    const { frames, violations, send } = open(pair);
    for (let id = 1; id <= 6; id++) send(hostCall(id, JSON.stringify('x'.repeat(900_000))));
    await eventually(() => violations.length === 1);
    expect(violations).toMatchObject([{ code: 'E_PROTOCOL' }]);
    expect(frames).toHaveLength(4);
  });

  it('gives the credit of a host call back when its answer has left, not before', async () => {
    await using pair = await openSocketPair();
    const { channel, frames, received, send } = open(pair);
    for (let id = 1; id <= 4; id++) send(hostCall(id, JSON.stringify('x'.repeat(900_000))));
    await eventually(() => frames.length === 4);
    // The cell takes nothing more: the answers wait for its credit.
    for (let id = 1; id <= 6; id++) channel.send(call(id, 800_000));
    for (let id = 1; id <= 4; id++) channel.send({ t: 'host-reply', id, value: 'null' });
    await eventually(() => received.length === 5);
    expect(received.some(({ t }) => t === 'credit')).toBe(false);
    send({ t: 'credit', bytes: 2_000_000 });
    await eventually(() => received.some(({ t }) => t === 'credit'));
  });

  it.each([
    ['host calls', (n: number) => hostCall(n), MAX_HOST_CALLS_IN_FLIGHT + 1],
    ['heartbeats', () => ({ t: 'heartbeat', heapBytes: 0, cpuUs: 0 }) as const, 50_000],
    ['counts', () => ({ t: 'refused', what: 'logs', count: 1 }) as const, 50_000],
    ['credit of nothing', () => ({ t: 'credit', bytes: 0 }) as const, 50_000],
  ])('may be no flood of %s', async (_, frame, count) => {
    await using pair = await openSocketPair();
    const { frames, violations, send } = open(pair);
    send(...Array.from({ length: count }, (__, n) => frame(n + 1)));
    await eventually(() => violations.length === 1);
    expect(violations).toMatchObject([{ code: 'E_PROTOCOL' }]);
    expect(frames.length).toBeLessThan(count);
  });

  it.each([
    ['deep', '['.repeat(500_000)],
    ['wide', `{${Array.from({ length: 80_000 }, (_, n) => `"${n}":1`).join(',')}}`],
  ])('is not even parsed when its JSON is %s', async (_, text) => {
    await using pair = await openSocketPair();
    const { violations } = open(pair);
    const header = Buffer.alloc(4);
    header.writeUInt32BE(text.length);
    pair.cell.write(Buffer.concat([header, Buffer.from(text)]));
    await eventually(() => violations.length === 1);
    expect(violations).toMatchObject([{ code: 'E_PROTOCOL', message: 'a frame of no known form' }]);
  });

  it('does not keep the event loop from turning, however much of it there is', async () => {
    await using pair = await openSocketPair();
    const burnMs = 1;
    const { frames, send } = open(pair, () => {
      const until = performance.now() + burnMs;
      while (performance.now() < until);
    });
    const count = 1_000;
    send(...Array.from({ length: count }, () => ({ t: 'ack', id: 1 }) as const));
    let turns = 0;
    while (frames.length < count) {
      await new Promise((resolve) => setImmediate(resolve));
      turns++;
    }
    // A turn takes five milliseconds of frames and a few more.
    expect(turns).toBeGreaterThan(count / 50);
  });

  it('is all worked on before the end of its process counts', async () => {
    await using pair = await openSocketPair();
    const { channel, frames, send } = open(pair, () => {
      const until = performance.now() + 1;
      while (performance.now() < until);
    });
    send(...Array.from({ length: 50 }, () => ({ t: 'ack', id: 1 }) as const));
    await eventually(() => frames.length > 0);
    expect(frames.length).toBeLessThan(50);
    await new Promise<void>((resolve) => channel.whenRead(resolve));
    expect(frames).toHaveLength(50);
  });
});
