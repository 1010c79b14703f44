import type { Socket } from 'node:net';
import { encodeFrame } from '../../manifests/protocol/codec.ts';
import { type SendCredit, takesCredit } from '../../manifests/protocol/credit.ts';
import type { CellFrame } from '../../manifests/protocol/frames.ts';
import { FRAMES_TOGETHER } from '../../manifests/protocol/limits.ts';

/** Milliseconds a frame may wait for company before guest code is entered again. */
const MAX_WAIT_MS = 1;

/** Frames on their way to the host: those of one turn of the event loop leave in a few writes. */
export class Outbox {
  readonly #socket: Socket;
  readonly #credit: SendCredit | null;
  #frames: Uint8Array[] = [];
  /** Host calls the host has given no credit for yet; there are no more than may be in flight. */
  #held: Uint8Array[] = [];
  #oldestAt = 0;
  #ended = false;

  /** @param credit `null`: the host gives none and counts nothing (debug mode) */
  constructor(socket: Socket, credit: SendCredit | null = null) {
    this.#socket = socket;
    this.#credit = credit;
  }

  /** The host has to work off what it was sent before it takes more. */
  get isHeldUp(): boolean {
    return this.#held.length > 0;
  }

  /** False, and nothing sent, when the frame is larger than the protocol allows. */
  send(frame: CellFrame): boolean {
    const bytes = encodeFrame(frame);
    if (bytes === null) return false;
    if (takesCredit(frame) && (this.isHeldUp || this.#credit?.take(bytes.length) === false)) {
      this.#held.push(bytes);
    } else {
      this.#queue(bytes);
    }
    return true;
  }

  /** The host takes so many more bytes. */
  give(bytes: number): void {
    this.#credit?.give(bytes);
    while (this.#held[0] !== undefined && this.#credit?.take(this.#held[0].length) !== false) {
      this.#queue(this.#held[0]);
      this.#held.shift();
    }
  }

  /** Before a slice that may take long: what waits must not wait for it too. */
  flushStale(): void {
    if (this.#frames.length > 0 && performance.now() - this.#oldestAt > MAX_WAIT_MS) this.flush();
  }

  flush(): void {
    if (this.#ended || this.#frames.length === 0) return;
    const frames = this.#frames;
    this.#frames = [];
    this.#socket.write(frames.length === 1 && frames[0] ? frames[0] : Buffer.concat(frames));
  }

  /** Sends what waits, and nothing after it: a write behind the end would take all that is on its way with it. */
  end(done: () => void): void {
    this.flush();
    this.#ended = true;
    this.#socket.end(done);
  }

  #queue(bytes: Uint8Array): void {
    if (this.#frames.length === 0) {
      this.#oldestAt = performance.now();
      process.nextTick(() => this.flush());
    }
    if (this.#frames.push(bytes) >= FRAMES_TOGETHER) this.flush();
  }
}
