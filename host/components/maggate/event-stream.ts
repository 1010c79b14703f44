import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';

/** A comment is sent after so long without an event, so that proxies keep the connection. */
const KEEP_ALIVE_MS = 15_000;

/** One event of a stream; `data` is sent as JSON on one line. */
export interface StreamEvent {
  readonly event: string;
  readonly id?: string;
  readonly data: unknown;
}

/**
 * Looks for events when it is told to. `poll` yields what is new since it last ran; it is run at the start,
 * after `wake`, and every `pollMs`. It returns `true` to end the stream.
 */
export interface StreamSource {
  readonly poll: () => AsyncGenerator<StreamEvent, boolean | undefined>;
  /** Starts calling `wake` when there may be something new; returns the way to stop. */
  readonly watch?: (wake: () => void) => () => void;
  readonly pollMs: number;
}

/** The event streams that are open, to end them with the host. */
export interface EventStreams {
  /** Answers with a stream that ends with its source, with its client or with the host. */
  send(reply: FastifyReply, source: StreamSource): FastifyReply;
  /** Ends all of them cleanly; later ones end at once. */
  close(): void;
  /** Aborted by `close`. */
  readonly signal: AbortSignal;
}

export function createEventStreams(): EventStreams {
  const closing = new AbortController();
  return {
    signal: closing.signal,
    close: () => closing.abort(),
    send(reply, source) {
      const client = new AbortController();
      const signal = AbortSignal.any([closing.signal, client.signal]);
      // Pulled, never pushed: a client that does not read costs one event, not a growing buffer.
      const body = Readable.from(frames(source, signal), { objectMode: true, highWaterMark: 1 });
      body.once('close', () => client.abort());
      reply.raw.once('close', () => client.abort());
      return reply
        .type('text/event-stream; charset=utf-8')
        .header('cache-control', 'no-store')
        .header('x-accel-buffering', 'no')
        .send(body);
    },
  };
}

async function* frames(source: StreamSource, signal: AbortSignal): AsyncGenerator<string> {
  const bell = createBell(signal);
  const unwatch = source.watch?.(bell.ring);
  let quietSince = Date.now();
  try {
    yield ': open\n\n';
    while (!signal.aborted) {
      const found = source.poll();
      for (let next = await found.next(); ; next = await found.next()) {
        if (next.done === true && next.value === true) return;
        if (next.done === true || signal.aborted) break;
        yield frame(next.value);
        quietSince = Date.now();
      }
      await bell.wait(source.pollMs);
      if (Date.now() - quietSince >= KEEP_ALIVE_MS) {
        yield ': keep-alive\n\n';
        quietSince = Date.now();
      }
    }
  } finally {
    unwatch?.();
    bell.dispose();
  }
}

function frame({ event, id, data }: StreamEvent): string {
  const head = id === undefined ? `event: ${event}\n` : `id: ${id}\nevent: ${event}\n`;
  return `${head}data: ${JSON.stringify(data)}\n\n`;
}

/** Remembers that it rang while nobody waited, so nothing is missed between two looks. */
function createBell(signal: AbortSignal) {
  let rang = false;
  let open: (() => void) | undefined;
  const ring = () => {
    rang = true;
    open?.();
  };
  signal.addEventListener('abort', ring, { once: true });
  return {
    ring,
    dispose: () => signal.removeEventListener('abort', ring),
    async wait(ms: number): Promise<void> {
      if (!rang && !signal.aborted) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, ms);
          open = () => {
            clearTimeout(timer);
            resolve();
          };
        });
        open = undefined;
      }
      rang = false;
    },
  };
}
