import type { Duplex } from 'node:stream';
import { checkCellFrame } from '../../manifests/protocol/cell-frame.ts';
import { encodeFrame, FrameDecoder } from '../../manifests/protocol/codec.ts';
import type { CellFrame, HostFrame } from '../../manifests/protocol/frames.ts';
import { FRAMES_TOGETHER } from '../../manifests/protocol/limits.ts';
import { Flow } from './flow.ts';
import { HostTime } from './host-time.ts';

export interface ChannelEvents {
  readonly onFrame: (frame: CellFrame) => void;
  /** What came is no frame, or not one for now: the cell must die. Called once. */
  readonly onViolation: (reason: unknown) => void;
}

/** Bytes a cell may leave unread; the module it loads is the most that it is sent without credit. */
const MAX_UNREAD_BYTES = 64 * 1_048_576;
/** No frame of a cell is more than an object with an object in it. */
const FRAME_BOUNDS = { maxDepth: 2, maxMembers: 16 } as const;
/** Milliseconds that reading one cell may take in one turn of the event loop, and a frame more. */
const TURN_MS = 5;
/** Bytes after which the clock is looked at: a few of the smallest frames. */
const LOOK_BYTES = 256;

/**
 * Frames over the socket of a cell. Frames of one turn of the event loop leave in a few writes; those that come
 * are worked on a little in each turn, and the cell is not read from meanwhile.
 */
export class Channel {
  readonly #stream: Duplex;
  readonly #events: ChannelEvents;
  readonly #flow: Flow;
  #time = new HostTime();
  readonly #decoder = new FrameDecoder(checkCellFrame, FRAME_BOUNDS);
  /** Read and not worked on: a chunk or two. */
  #unread: Buffer[] = [];
  #isWorking = false;
  #whenRead: (() => void) | null = null;
  #closed = false;
  /** Frames that leave in one write. */
  #leaving: Uint8Array[] = [];

  constructor(stream: Duplex, events: ChannelEvents) {
    this.#stream = stream;
    this.#events = events;
    this.#flow = new Flow(
      (bytes) => this.#write(bytes),
      (bytes) => this.send({ t: 'credit', bytes }),
    );
    stream.on('data', (chunk: Buffer) => this.#receive(chunk));
    // The end of the channel shows as the end of the process, which is what the owner listens to.
    stream.on('error', () => this.close());
  }

  /** From here on it is counted there how long frames keep this host. */
  countIn(time: HostTime): void {
    this.#time = time;
  }

  /** More calls are waiting for the cell than the host keeps. */
  get isFull(): boolean {
    return this.#flow.isFull;
  }

  /** False, and nothing sent, when the frame is larger than the protocol allows. */
  send(frame: HostFrame): boolean {
    return this.#time.measure(() => this.#send(frame));
  }

  #send(frame: HostFrame): boolean {
    const bytes = encodeFrame(frame);
    if (bytes === null) return false;
    if (!this.#closed) this.#flow.send(frame, bytes);
    return true;
  }

  /** Takes back a call that has not left. False when it has. */
  withdraw(call: number): boolean {
    return this.#flow.withdraw(call);
  }

  /** Nothing is received or sent from here on. */
  close(): void {
    this.#closed = true;
    this.#flow.clear();
    this.#finishReading();
  }

  /** Calls back, perhaps at once, when everything that arrived has been worked on. */
  whenRead(done: () => void): void {
    if (this.#isWorking) this.#whenRead = done;
    else done();
  }

  #write(bytes: Uint8Array): void {
    // Not at the end of this tick: requests that arrived together come one by one, each in its own.
    if (this.#leaving.length === 0) setImmediate(this.#flush);
    if (this.#leaving.push(bytes) >= FRAMES_TOGETHER) this.#flush();
  }

  readonly #flush = (): void => {
    const [first] = this.#leaving;
    if (first === undefined) return;
    this.#stream.write(this.#leaving.length === 1 ? first : Buffer.concat(this.#leaving));
    this.#leaving = [];
    if (this.#stream.writableLength > MAX_UNREAD_BYTES) this.#violate(new Error('the cell does not read'));
  };

  #receive(chunk: Buffer): void {
    if (this.#closed) return;
    this.#unread.push(chunk);
    if (this.#isWorking) return;
    this.#isWorking = true;
    this.#workMeasured();
  }

  #workMeasured(): void {
    this.#time.measure(() => this.#work());
  }

  /** Spec 07: nothing a cell sends keeps the host from its other work. */
  #work(): void {
    const until = performance.now() + TURN_MS;
    let sinceLook = 0;
    let chunk = this.#unread.shift();
    let at = 0;
    while (chunk !== undefined && !this.#closed) {
      const before = at;
      at = this.#decode(chunk, at);
      sinceLook += at - before;
      if (at === chunk.length) {
        chunk = this.#unread.shift();
        at = 0;
      }
      if (chunk === undefined || sinceLook < LOOK_BYTES) continue;
      sinceLook = 0;
      if (performance.now() < until) continue;
      this.#unread.unshift(chunk.subarray(at));
      this.#stream.pause();
      setImmediate(() => this.#workMeasured());
      return;
    }
    this.#finishReading();
  }

  #finishReading(): void {
    this.#unread = [];
    this.#isWorking = false;
    this.#stream.resume();
    this.#whenRead?.();
    this.#whenRead = null;
  }

  /** At most one frame. @returns where to go on */
  #decode(chunk: Buffer, at: number): number {
    try {
      return this.#decoder.step(chunk, at, this.#take);
    } catch (reason) {
      this.#violate(reason);
      return chunk.length;
    }
  }

  readonly #take = (frame: CellFrame, size: number): void => {
    if (this.#closed) return;
    this.#flow.received(frame, size);
    this.#events.onFrame(frame);
    this.#flow.done(frame, size);
  };

  #violate(reason: unknown): void {
    if (this.#closed) return;
    this.close();
    this.#events.onViolation(reason);
  }
}
