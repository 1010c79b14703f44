import { describe, expect, it } from 'vitest';
import { MagError } from '../../../kernel/errors.ts';
import type { GuestStream, InvokeOptions } from '../../../kernel/sandbox/cell.ts';
import { openStream } from '../../../kernel/sandbox/cell-stream.ts';
import { MAX_STREAMS } from '../../../manifests/protocol/limits.ts';
import { endpoint, eventually, type Harness, REQUEST, rejection, startHarness } from './harness.ts';

const OPTIONS: InvokeOptions = { request: REQUEST, deadlineMs: 20_000, cpuMs: 2_000 };
const GONE = new MagError('E_LIMIT_WALL', 'gone');

async function open(harness: Harness, name: string, more: Partial<InvokeOptions> = {}): Promise<GuestStream> {
  const { stream } = await harness.process.serve(endpoint(name), null, { ...OPTIONS, ...more });
  if (stream === null) throw new Error('no stream came');
  return stream;
}

async function readAll(stream: GuestStream): Promise<string[]> {
  const pieces: string[] = [];
  for (let piece = await stream.next(); piece !== null; piece = await stream.next())
    pieces.push(Buffer.from(piece).toString('latin1'));
  return pieces;
}

describe('a body that is iterated over', () => {
  it('comes piece by piece, as text and as bytes, with status and headers first', async () => {
    await using harness = await startHarness({
      stream: `() => ({ status: 201, headers: { a: 'b' }, body: (async function* () {
        yield 'one'; yield new Uint8Array([0, 255]); yield new Uint8Array([1, 2, 3]).buffer; yield '';
      })() })`,
    });
    const { value, stream } = await harness.process.serve(endpoint('stream'), null, OPTIONS);
    expect(value).toEqual({ status: 201, headers: { a: 'b' }, stream: 1 });
    expect(stream && (await readAll(stream))).toEqual(['one', '\x00\xff', '\x01\x02\x03', '']);
    expect(await stream?.next()).toBeNull();
    await stream?.over;
    expect(stream?.ended.aborted).toBe(false);
  });

  it('is no more made than it is asked for, and its ctx works for each piece', async () => {
    const asked: string[] = [];
    await using harness = await startHarness(
      {
        stream: `(_, ctx) => ({ body: (async function* () {
          for (let n = 0; n < 3; n++) { ctx.log.info('piece ' + n); yield String(await ctx.state.get('k' + n)); }
        })() })`,
      },
      {
        hostCall: async (name, params, { request }) => {
          asked.push(`${name} ${JSON.parse(params).key} ${request?.tenantId}`);
          return '{ "value": "v", "version": 1 }';
        },
      },
    );
    const stream = await open(harness, 'stream');
    expect(asked).toEqual([]);
    await stream.next();
    expect(asked).toEqual(['state.get k0 acme']);
    expect(await readAll(stream)).toEqual(['v', 'v']);
    expect(asked).toHaveLength(3);
    await eventually(() => harness.logs.length === 3);
    expect(harness.logs.map(({ request }) => request)).toEqual([REQUEST, REQUEST, REQUEST]);
  });

  it('is ended with all its cleaning up when nobody wants the rest', async () => {
    const done: string[] = [];
    await using harness = await startHarness(
      {
        stream: `(_, ctx) => ({ body: (async function* () {
          try { yield 'a'; await new Promise((resolve) => ctx.signal.addEventListener('abort', resolve)); yield 'b'; }
          finally { await ctx.state.set('end', ctx.signal.aborted); }
        })() })`,
      },
      {
        hostCall: async (name: string, params: string) => {
          done.push(`${name} ${params}`);
          return '{ "version": 1 }';
        },
      },
    );
    const stream = await open(harness, 'stream');
    await stream.next();
    const pending = rejection(stream.next());
    stream.end(GONE);
    stream.end(GONE);
    expect((await pending).message).toBe('gone');
    await stream.over;
    await eventually(() => done.length > 0);
    expect(done).toEqual(['state.set {"key":"end","value":true}']);
    expect(harness.process.stats.errors).toBe(0);
    await expect(stream.next()).rejects.toBe(GONE);
  });

  it.each([
    ['is no piece', 'yield 7;', 'E_EXTENSION'],
    ['throws', "throw Object.assign(new Error('no'), { code: 'OWN' });", 'E_EXTENSION'],
    ['is too large', "yield 'x'.repeat(1_100_000);", 'E_LIMIT_OUTPUT'],
    ['comes too late', 'await new Promise((resolve) => setTimeout(resolve, 60_000));', 'E_LIMIT_WALL'],
    ['computes for too long', 'for (;;);', 'E_LIMIT_CPU'],
  ])('fails when a piece %s', async (_what, line, code) => {
    await using harness = await startHarness({
      stream: `() => ({ body: (async function* () { yield 'a'; ${line} yield 'b'; })() })`,
      ok: '() => 1',
    });
    const stream = await open(harness, 'stream', {
      deadlineMs: code === 'E_LIMIT_WALL' ? 2_500 : 20_000,
      cpuMs: code === 'E_LIMIT_CPU' ? 100 : 800,
    });
    expect(await stream.next()).not.toBeNull();
    expect((await rejection(stream.next())).code).toBe(code);
    await stream.over;
    expect(stream.ended.reason.code).toBe(code);
    expect(await harness.call('ok')).toBe(1);
  });

  it('is refused beside a hundred others, and has room when they are over', async () => {
    await using harness = await startHarness({
      stream: `() => ({ body: (async function* () { yield 'a'; })() })`,
    });
    const streams = [];
    for (let n = 0; n < MAX_STREAMS; n++) streams.push(await open(harness, 'stream'));
    expect((await rejection(open(harness, 'stream'))).code).toBe('E_LIMIT_RATE');
    expect(await readAll(streams[0] as GuestStream)).toEqual(['a']);
    streams[1]?.end(GONE);
    await readAll(await open(harness, 'stream'));
    await readAll(await open(harness, 'stream'));
  });

  it('goes on in a cell that was replaced meanwhile', async () => {
    await using harness = await startHarness(
      {
        stream: `() => ({ body: (async function* () { for (let n = 0; n < 4; n++) yield String(n); })() })`,
        ok: '() => 1',
      },
      { process: { recycleAfterCalls: 2 } },
    );
    const { pid } = harness.process.stats;
    const stream = await open(harness, 'stream');
    await harness.call('ok');
    await harness.call('ok');
    await eventually(() => harness.process.stats.pid !== pid);
    expect(await readAll(stream)).toEqual(['0', '1', '2', '3']);
  });

  it('is drained with its process, and cut when that takes too long', async () => {
    await using harness = await startHarness({
      stream: `() => ({ body: (async function* () { for (;;) yield 'a'; })() })`,
    });
    const [read, left] = [await open(harness, 'stream'), await open(harness, 'stream')];
    const stopped = harness.process.stop(2_500);
    expect((await read.next())?.length).toBe(1);
    read.end(GONE);
    await stopped;
    expect(left.ended.reason.code).toBe('E_NOT_ENABLED');
    expect((await rejection(left.next())).code).toBe('E_NOT_ENABLED');
  });

  it('ends with its cell at once, also between two pieces', async () => {
    await using harness = await startHarness({
      stream: `() => ({ body: (async function* () { for (;;) yield 'a'; })() })`,
    });
    const stream = await open(harness, 'stream');
    await stream.next();
    harness.process.kill(new MagError('E_CAP_UNDECLARED', 'caught'));
    expect(stream.ended.reason.code).toBe('E_CAP_UNDECLARED');
  });
});

describe('what is no stream', () => {
  it.each(['[1, 2]', "'text'", 'new Map()', '{ a: 1 }', 'null'])('is sent whole: %s', async (body) => {
    await using harness = await startHarness({ whole: `() => ({ body: ${body} })` });
    const { stream, value } = await harness.process.serve(endpoint('whole'), null, OPTIONS);
    expect(stream).toBeNull();
    expect(value).toHaveProperty('body');
  });

  it('cannot be claimed: its cell knows of none', async () => {
    await using harness = await startHarness({ claim: '() => ({ stream: 12 })' });
    const stream = await open(harness, 'claim');
    expect((await rejection(stream.next())).code).toBe('E_EXTENSION');
  });
});

describe('a stream of a cell that was taken over', () => {
  const cellThatSays = (reply: string) => {
    const killed: string[] = [];
    const gone = new AbortController();
    const cell = {
      call: async () => reply,
      kill: (error: MagError) => {
        killed.push(error.code);
        gone.abort(error);
      },
      hold: () => () => undefined,
      gone: gone.signal,
    };
    const stream = openStream(cell, { stream: 1 }, { ...OPTIONS, maxMs: 50 }, () => undefined);
    return { stream: stream as GuestStream, killed };
  };

  it.each(['null', '[]', '{}', '{"text":1}', '{"bytes":"*"}', '{"done":1}', '"text"', '7'])(
    'kills it for the piece %s',
    async (reply) => {
      const { stream, killed } = cellThatSays(reply);
      expect((await rejection(stream.next())).code).toBe('E_PROTOCOL');
      expect(killed).toEqual(['E_PROTOCOL']);
    },
  );

  it('is cut when its time is over', async () => {
    const { stream } = cellThatSays('{"text":"a"}');
    await stream.next();
    await stream.over;
    expect(stream.ended.reason.code).toBe('E_LIMIT_WALL');
  });

  it.each([null, [], 'text', { stream: 0 }, { stream: '1' }, { stream: 1.5 }, { stream: -1 }])(
    'is none for the answer %j',
    (answer) => {
      const cell = {
        call: async () => '',
        kill: () => undefined,
        hold: () => () => undefined,
        gone: GONE_SIGNAL,
      };
      expect(openStream(cell, answer as never, OPTIONS, () => undefined)).toBeNull();
    },
  );
});

const GONE_SIGNAL = new AbortController().signal;
