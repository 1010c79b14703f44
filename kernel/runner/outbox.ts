import type { Socket } from 'node:net';
import { encodeFrame } from '../../manifests/protocol/codec.ts';
import type { CellFrame } from '../../manifests/protocol/frames.ts';

/** Milliseconds a frame may wait for company before guest code is entered again. */
const MAX_WAIT_MS = 1;

/** Frames on their way to the host: those of one turn of the event loop leave in one write. */
export class Outbox {
  readonly #socket: Socket;
  #frames: Uint8Array[] = [];
  #oldestAt = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** False, and nothing sent, when the frame is larger than the protocol allows. */
  send(frame: CellFrame): boolean {
    const bytes = encodeFrame(frame);
    if (bytes === null) return false;
    if (this.#frames.length === 0) {
      this.#oldestAt = performance.now();
      process.nextTick(() => this.flush());
    }
    this.#frames.push(bytes);
    return true;
  }

  /** Before a slice that may take long: what waits must not wait for it too. */
  flushStale(): void {
    if (this.#frames.length > 0 && performance.now() - this.#oldestAt > MAX_WAIT_MS) this.flush();
  }

  flush(): void {
    if (this.#frames.length === 0) return;
    const frames = this.#frames;
    this.#frames = [];
    this.#socket.write(frames.length === 1 && frames[0] ? frames[0] : Buffer.concat(frames));
  }
}
