import type { Duplex } from 'node:stream';
import { encodeFrame, FrameDecoder } from '../../../../manifests/protocol/codec.ts';
import {
  checkDebugCellFrame,
  type DebugMessage,
  type HostDebugFrame,
} from '../../../../manifests/protocol/debug-frame.ts';
import type { CellFrame, HostFrame } from '../../../../manifests/protocol/frames.ts';

export interface DebugChannelEvents {
  readonly onFrame: (frame: CellFrame | DebugMessage) => void;
  /** What came is no frame, or not one for now: the cell must die. Called once. */
  readonly onViolation: (reason: unknown) => void;
}

/** Frames over the socket of a cell in debug mode: `Channel` with the frames of the debugger. */
export class DebugChannel {
  readonly #stream: Duplex;
  #closed = false;

  constructor(stream: Duplex, events: DebugChannelEvents) {
    this.#stream = stream;
    const decoder = new FrameDecoder(checkDebugCellFrame);
    stream.on('data', (chunk: Buffer) => {
      if (this.#closed) return;
      try {
        decoder.push(chunk, (frame) => {
          if (!this.#closed) events.onFrame(frame);
        });
      } catch (reason) {
        this.close();
        events.onViolation(reason);
      }
    });
    // The end of the channel shows as the end of the process, which is what the owner listens to.
    stream.on('error', () => this.close());
  }

  /** False, and nothing sent, when the frame is larger than the protocol allows. */
  send(frame: HostFrame | HostDebugFrame): boolean {
    const bytes = encodeFrame(frame);
    if (bytes !== null && !this.#closed) this.#stream.write(bytes);
    return bytes !== null;
  }

  /** Nothing is received or sent from here on. */
  close(): void {
    this.#closed = true;
  }
}
