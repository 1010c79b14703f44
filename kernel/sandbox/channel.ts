import type { Duplex } from 'node:stream';
import { checkCellFrame } from '../../manifests/protocol/cell-frame.ts';
import { encodeFrame, FrameDecoder } from '../../manifests/protocol/codec.ts';
import type { CellFrame, HostFrame } from '../../manifests/protocol/frames.ts';

export interface ChannelEvents {
  readonly onFrame: (frame: CellFrame) => void;
  /** What came is no frame, or not one for now: the cell must die. Called once. */
  readonly onViolation: (reason: unknown) => void;
}

/** Bytes a cell may leave unread. One that asks on and on and never reads the answers goes over it. */
const MAX_UNREAD_BYTES = 64 * 1_048_576;

/** Frames over the socket of a cell. Frames of one turn of the event loop leave in one write. */
export class Channel {
  readonly #stream: Duplex;
  readonly #events: ChannelEvents;
  readonly #decoder = new FrameDecoder(checkCellFrame);
  #closed = false;
  #corked = false;

  constructor(stream: Duplex, events: ChannelEvents) {
    this.#stream = stream;
    this.#events = events;
    stream.on('data', (chunk: Buffer) => this.#receive(chunk));
    // The end of the channel shows as the end of the process, which is what the owner listens to.
    stream.on('error', () => this.close());
  }

  /** False, and nothing sent, when the frame is larger than the protocol allows. */
  send(frame: HostFrame): boolean {
    const bytes = encodeFrame(frame);
    if (bytes === null) return false;
    if (this.#closed) return true;
    if (!this.#corked) {
      this.#corked = true;
      this.#stream.cork();
      process.nextTick(() => {
        this.#corked = false;
        this.#stream.uncork();
      });
    }
    this.#stream.write(bytes);
    if (this.#stream.writableLength > MAX_UNREAD_BYTES) this.#violate(new Error('the cell does not read'));
    return true;
  }

  /** Nothing is received or sent from here on. */
  close(): void {
    this.#closed = true;
  }

  #receive(chunk: Buffer): void {
    if (this.#closed) return;
    try {
      this.#decoder.push(chunk, (frame) => {
        if (!this.#closed) this.#events.onFrame(frame);
      });
    } catch (reason) {
      this.#violate(reason);
    }
  }

  #violate(reason: unknown): void {
    if (this.#closed) return;
    this.close();
    this.#events.onViolation(reason);
  }
}
