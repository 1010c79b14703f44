import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { MagError } from '../../../kernel/errors.ts';
import type { GuestStream } from '../../../kernel/sandbox/cell.ts';

/** After a piece of nothing: an extension that has nothing but those to send must not keep this thread. */
const EMPTY_PAUSE_MS = 20;

export interface StreamBodyOptions {
  /** Aborted when the host stops. */
  readonly closing: AbortSignal;
  /** What the client is told of an error that comes before the first piece; later ones cut the answer off. */
  readonly tell: (error: unknown) => unknown;
}

/**
 * The body of an answer that comes piece by piece. It is pulled, never pushed: a client that does not read keeps the
 * extension waiting. A client that goes ends it, and what ends it cuts the connection.
 */
export function streamBody(stream: GuestStream, { closing, tell }: StreamBodyOptions): Readable {
  const cut = () => body.destroy(tell(stream.ended.reason) as Error);
  const stop = () => stream.end(new MagError('E_SHUTDOWN', 'The host is shutting down.'));
  const body = new Readable({
    highWaterMark: 1,
    read: () => void pull(),
    destroy(error, done) {
      stream.ended.removeEventListener('abort', cut);
      closing.removeEventListener('abort', stop);
      stream.end(new MagError('E_LIMIT_WALL', 'Nobody reads it any more.'));
      done(error);
    },
  });
  async function pull(): Promise<void> {
    try {
      const piece = await nextOf(stream);
      if (!body.destroyed) body.push(piece);
    } catch (error) {
      body.destroy(tell(error) as Error);
    }
  }
  stream.ended.addEventListener('abort', cut, { once: true });
  closing.addEventListener('abort', stop, { once: true });
  if (stream.ended.aborted) cut();
  else if (closing.aborted) stop();
  return body;
}

async function nextOf(stream: GuestStream): Promise<Uint8Array | null> {
  for (;;) {
    const piece = await stream.next();
    if (piece === null || piece.length > 0) return piece;
    await sleep(EMPTY_PAUSE_MS);
  }
}
