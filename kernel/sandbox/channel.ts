import type { Duplex } from 'node:stream';
import { checkCellFrame } from '../../manifests/protocol/cell-frame.ts';
import { encodeFrame, FrameDecoder } from '../../manifests/protocol/codec.ts';
import type { CellFrame, HostFrame } from '../../manifests/protocol/frames.ts';
import { Flow } from './flow.ts';

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
const STEP_BYTES = 256;

/**
 * Frames over the socket of a cell. Frames of one turn of the event loop leave in one write; those that come
 * are worked on a little in each turn, and the cell is not read from meanwhile.
 */
export class Channel {
  readonly #stream: Duplex;
  readonly #events: ChannelEvents;
  readonly #flow: Flow;
  readonly #decoder = new FrameDecoder(checkCellFrame, FRAME_BOUNDS);
  /** Read and not worked on: a chunk or two. */
  #unread: Buffer[] = [];
  #isWorking = false;
  #whenRead: (() => void) | null = null;
  #closed = false;
  #corked = false;

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

  /** More calls are waiting for the cell than the host keeps. */
  get isFull(): boolean {
    return this.#flow.isFull;
  }

  /** False, and nothing sent, when the frame is larger than the protocol allows. */
  send(frame: HostFrame): boolean {
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
  }

  #receive(chunk: Buffer): void {
    if (this.#closed) return;
    this.#unread.push(chunk);
    if (this.#isWorking) return;
    this.#isWorking = true;
    this.#work();
  }

  /** Spec 07: nothing a cell sends keeps the host from its other work. */
  #work(): void {
    const until = performance.now() + TURN_MS;
    let chunk = this.#unread.shift();
    while (chunk !== undefined && !this.#closed) {
      this.#decode(chunk.subarray(0, STEP_BYTES));
      const rest = chunk.subarray(STEP_BYTES);
      chunk = rest.length > 0 ? rest : this.#unread.shift();
      if (chunk === undefined || performance.now() < until) continue;
      this.#unread.unshift(chunk);
      this.#stream.pause();
      setImmediate(() => this.#work());
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

  #decode(bytes: Buffer): void {
    try {
      this.#decoder.push(bytes, (frame, size) => {
        if (this.#closed) return;
        this.#flow.received(frame, size);
        this.#events.onFrame(frame);
        this.#flow.done(frame, size);
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
