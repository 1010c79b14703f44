import { ProtocolError } from '../../manifests/protocol/codec.ts';
import { ReceiveCredit, SendCredit, takesCredit } from '../../manifests/protocol/credit.ts';
import type { CellFrame, HostFrame } from '../../manifests/protocol/frames.ts';
import { MAX_HOST_CALLS_IN_FLIGHT } from '../../manifests/protocol/limits.ts';
import { Bucket } from './rate.ts';

interface Held {
  readonly frame: HostFrame;
  readonly bytes: Uint8Array;
}

/** Bytes of calls that may wait for a cell to work off what it has. */
const MAX_HELD_CALL_BYTES = 16 * 1_048_576;
/** Frames that need no credit: heartbeats, counts and credit. A cell of ours sends a few in a second. */
const CONTROL_BURST = 2_000;
const CONTROL_PER_SECOND = 1_000;

/**
 * Credit in both directions of one channel (spec 07): what the cell may send, and what waits here until the
 * cell takes it. A host call gives its credit back when its answer has left, so a cell that asks and does not
 * read runs out of credit instead of filling the host.
 */
export class Flow {
  readonly #write: (bytes: Uint8Array, frame: HostFrame) => void;
  readonly #give: (bytes: number) => void;
  readonly #outgoing = new SendCredit();
  readonly #incoming = new ReceiveCredit();
  readonly #control = new Bucket(CONTROL_BURST, CONTROL_PER_SECOND);
  /** Bytes of the host calls whose answer has not left, by their id. */
  readonly #unanswered = new Map<number, number>();
  #held: Held[] = [];
  #heldCallBytes = 0;

  /**
   * @param write sends bytes
   * @param give tells the cell that it may send so many more bytes
   */
  constructor(write: (bytes: Uint8Array) => void, give: (bytes: number) => void) {
    this.#write = (bytes, frame) => {
      write(bytes);
      if (frame.t === 'host-reply') this.#answered(frame.id);
    };
    this.#give = give;
  }

  /** More calls are waiting than the host keeps for a cell. */
  get isFull(): boolean {
    return this.#heldCallBytes > MAX_HELD_CALL_BYTES;
  }

  send(frame: HostFrame, bytes: Uint8Array): void {
    const isInOrder = takesCredit(frame) || frame.t === 'drain';
    const mustWait = isInOrder && (this.#held.length > 0 || !this.#mayLeave({ frame, bytes }));
    if (!mustWait) {
      this.#write(bytes, frame);
      return;
    }
    this.#held.push({ frame, bytes });
    if (frame.t === 'call') this.#heldCallBytes += bytes.length;
  }

  /** Takes back a call that has not left. False when it has. */
  withdraw(id: number): boolean {
    const at = this.#held.findIndex(({ frame }) => frame.t === 'call' && frame.id === id);
    const [held] = at === -1 ? [] : this.#held.splice(at, 1);
    if (held !== undefined) this.#heldCallBytes -= held.bytes.length;
    return held !== undefined;
  }

  /** Before a frame is acted on. @throws ProtocolError when the cell may not send it now */
  received(frame: CellFrame, bytes: number): void {
    if (takesCredit(frame)) this.#incoming.received(bytes);
    else if (isControl(frame) && !this.#control.take()) throw new ProtocolError('a flood of frames');
    if (frame.t === 'credit') this.#moreCredit(frame.bytes);
    if (frame.t === 'host-call') this.#asked(frame.id, bytes);
  }

  /** After a frame was acted on. */
  done(frame: CellFrame, bytes: number): void {
    if (frame.t === 'log') this.#giveBack(bytes);
  }

  /** The cell is dead: nothing waits for it any more. */
  clear(): void {
    this.#held = [];
    this.#heldCallBytes = 0;
    this.#unanswered.clear();
  }

  #asked(id: number, bytes: number): void {
    if (this.#unanswered.has(id)) throw new ProtocolError('the id of a host call is in use');
    // The runner refuses these itself: only a replaced one sends them.
    if (this.#unanswered.size >= MAX_HOST_CALLS_IN_FLIGHT) throw new ProtocolError('a flood of host calls');
    this.#unanswered.set(id, bytes);
  }

  #answered(id: number): void {
    const bytes = this.#unanswered.get(id);
    this.#unanswered.delete(id);
    if (bytes !== undefined) this.#giveBack(bytes);
  }

  #giveBack(bytes: number): void {
    const portion = this.#incoming.done(bytes);
    if (portion > 0) this.#give(portion);
  }

  #mayLeave({ frame, bytes }: Held): boolean {
    return !takesCredit(frame) || this.#outgoing.take(bytes.length);
  }

  #moreCredit(bytes: number): void {
    this.#outgoing.give(bytes);
    let next = this.#held[0];
    while (next !== undefined && this.#mayLeave(next)) {
      this.#held.shift();
      if (next.frame.t === 'call') this.#heldCallBytes -= next.bytes.length;
      this.#write(next.bytes, next.frame);
      next = this.#held[0];
    }
  }
}

function isControl({ t }: CellFrame): boolean {
  return t === 'heartbeat' || t === 'refused' || t === 'credit';
}
