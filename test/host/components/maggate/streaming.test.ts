import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { streamBody } from '../../../../host/components/maggate/guest-stream.ts';
import { MagError } from '../../../../kernel/errors.ts';
import type { GuestStream } from '../../../../kernel/sandbox/cell.ts';
import { createTestGateway, type TestGateway } from '../../api/test-gateway.ts';

/** Hands out pieces and notes how it was used; an error among them is thrown. */
class PlayedStream implements GuestStream {
  readonly #pieces: (string | MagError)[];
  readonly #ending = new AbortController();
  readonly #over = Promise.withResolvers<void>();
  asked = 0;

  constructor(...pieces: (string | MagError)[]) {
    this.#pieces = pieces;
  }

  get ended() {
    return this.#ending.signal;
  }
  get over() {
    return this.#over.promise;
  }

  async next() {
    this.ended.throwIfAborted();
    const piece = this.#pieces[Math.min(this.asked++, this.#pieces.length)];
    if (piece instanceof MagError) throw piece;
    if (piece === undefined) this.#over.resolve();
    return piece === undefined ? null : Buffer.from(piece);
  }

  end(reason: MagError) {
    this.#ending.abort(reason);
    this.#over.resolve();
  }
}

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await createTestGateway();
});
afterAll(() => gateway[Symbol.asyncDispose]());
beforeEach(() => {
  gateway.hooks.taps.clear();
  gateway.endpoints.serve('acme/hello', { method: 'GET', path: '/stream', auth: 'user' });
});

const answered = async (stream: PlayedStream, answer: object = {}, method: 'GET' | 'HEAD' = 'GET') => {
  gateway.endpoints.answer = () => ({ ...answer, stream: 1 }) as never;
  gateway.endpoints.stream = () => stream;
  return gateway.inject('user', { method, url: '/x/acme/hello/stream' });
};

describe('an answer that streams', () => {
  it('is sent as it comes, under the headers of any other', async () => {
    const headers = { 'content-type': 'text/event-stream', 'set-cookie': 'a=1' };
    const answer = await answered(new PlayedStream('data: 1\n\n', '', 'data: 2\n\n'), {
      status: 201,
      headers,
    });
    expect([answer.statusCode, answer.body]).toEqual([201, 'data: 1\n\ndata: 2\n\n']);
    expect(answer.headers).toMatchObject({
      'content-type': 'text/event-stream',
      'x-accel-buffering': 'no',
      'x-content-type-options': 'nosniff',
    });
    expect(answer.headers).not.toHaveProperty('set-cookie');
    expect((await answered(new PlayedStream('a'))).headers['content-type']).toBe('text/plain; charset=utf-8');
  });

  it('is answered with its error when that comes before everything else, without detail', async () => {
    const answer = await answered(new PlayedStream(new MagError('E_EXTENSION', 'secret')), {
      headers: { 'content-type': 'text/event-stream' },
    });
    expect([answer.statusCode, answer.json().code]).toEqual([500, 'E_EXTENSION']);
    expect(answer.headers['content-type']).toBe('application/problem+json');
    expect(answer.body).not.toContain('secret');
    const revoked = new PlayedStream();
    revoked.end(new MagError('E_CAP_REVOKED', 'gone'));
    expect((await answered(revoked)).json().code).toBe('E_CAP_REVOKED');
  });

  it.each([
    ['HEAD', {}],
    ['GET', { status: 204 }],
    ['GET', { status: 304 }],
  ] as const)('is ended unread for %s %j', async (method, answer) => {
    const stream = new PlayedStream('a');
    expect((await answered(stream, answer, method)).body).toBe('');
    await stream.over;
    expect([stream.asked, stream.ended.aborted]).toEqual([0, true]);
  });

  it('is ended when the rest of the answer is no good', async () => {
    const stream = new PlayedStream('a');
    expect((await answered(stream, { status: 99 })).json().code).toBe('E_EXTENSION');
    expect(stream.ended.aborted).toBe(true);
  });

  it('shows its taps no body, and takes status and headers from them', async () => {
    gateway.hooks.fired.length = 0;
    gateway.hooks.taps.set('maggate.transform_response', (value) => ({
      ...(value as object),
      status: 202,
      headers: { 'x-tapped': 'yes' },
      body: 'instead',
    }));
    const answer = await answered(new PlayedStream('a', 'b'));
    expect([answer.statusCode, answer.headers['x-tapped'], answer.body]).toEqual([202, 'yes', 'ab']);
    expect(gateway.hooks.fired[0]?.value).toMatchObject({ status: 200, body: null });
  });
});

describe('the body of such an answer', () => {
  const closing = new AbortController();
  const bodyOf = (stream: GuestStream) =>
    streamBody(stream, { closing: closing.signal, tell: (error) => error });
  const settle = () => new Promise((resolve) => setImmediate(resolve));

  it('asks for no more than somebody reads', async () => {
    const stream = new PlayedStream(...Array.from({ length: 100 }, () => 'x'.repeat(1_000)));
    const body = bodyOf(stream);
    body.read(1);
    for (let turn = 0; turn < 50; turn++) await settle();
    expect(stream.asked).toBeLessThan(5);
    body.destroy();
    await stream.over;
  });

  it('is not asked for as fast as nothing can be sent', async () => {
    const stream = new PlayedStream(...Array.from({ length: 1_000 }, () => ''));
    const body = bodyOf(stream);
    body.resume();
    for (let turn = 0; turn < 100; turn++) await settle();
    expect(stream.asked).toBeLessThan(50);
    body.destroy();
    await stream.over;
  });

  it('ends the stream when its reader goes, also while a piece is waited for', async () => {
    const stream = new PlayedStream();
    stream.next = () => new Promise(() => undefined);
    const body = bodyOf(stream);
    body.resume();
    await settle();
    body.destroy();
    await stream.over;
    expect(stream.ended.aborted).toBe(true);
  });

  it('is cut when the stream is ended, and ends with the host', async () => {
    const reason = new MagError('E_CAP_REVOKED', 'revoked');
    for (const end of [(stream: PlayedStream) => stream.end(reason), () => closing.abort()]) {
      const stream = new PlayedStream('a', 'b');
      const body = bodyOf(stream);
      const failed = new Promise<Error>((resolve) => body.once('error', resolve));
      end(stream);
      expect(await failed).toBe(stream.ended.reason);
    }
    const late = new PlayedStream('a');
    const body = bodyOf(late);
    await new Promise((resolve) => body.once('error', resolve));
    expect(late.ended.reason.code).toBe('E_SHUTDOWN');
  });
});
