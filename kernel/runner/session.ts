import { CELL_EXIT } from '../../manifests/protocol/cell-exit.ts';
import type { HostFrame, WireError } from '../../manifests/protocol/frames.ts';
import { MAX_ERROR_CHARS, MAX_PAYLOAD_BYTES, MAX_STACK_CHARS } from '../../manifests/protocol/limits.ts';
import { Budgets } from './budgets.ts';
import { dispatchText } from './dispatch-text.ts';
import { GuestTimers } from './guest-timers.ts';
import { type EntryName, GuestIsolate, type IsolateOptions, moduleOf, type SliceEnd } from './isolate.ts';
import { createLentFunctions, type LentFunctions, type SliceAnswer } from './lent-functions.ts';
import type { Outbox } from './outbox.ts';

type Exit = (code: number) => void;
type LoadFrame = Extract<HostFrame, { t: 'load' }>;
type CallFrame = Extract<HostFrame, { t: 'call' }>;
type ReplyFrame = Extract<HostFrame, { t: 'host-reply' }>;

/** Milliseconds that the listeners of an aborted signal get: their call may have nothing left. */
const CANCEL_SLICE_MS = 100;

const STOPPING: WireError = { code: 'E_CELL_LOST', message: 'the cell is stopping' };
const NOT_MADE: WireError = { code: 'E_CELL_LOST', message: 'the call before it has failed' };
const OVER_BUDGET: WireError = { code: 'E_LIMIT_CPU', message: 'over the processor budget' };

/** One extension in this cell: takes the frames of the host and enters the guest for them. */
export class Session {
  readonly #outbox: Outbox;
  readonly #exit: Exit;
  readonly #budgets = new Budgets();
  readonly #timers = new GuestTimers((timer, call) => this.#enter(call, 'fire', [timer, call]));
  readonly #lent: LentFunctions;
  readonly #guest: GuestIsolate;
  /** The module is being evaluated on another thread: what would enter the guest waits here meanwhile. */
  #untilLoaded: (() => void)[] | null = null;
  #draining = false;
  /** Of a module too long for one frame. */
  #parts: string[] = [];
  /** Calls of the chunk of frames that is worked on. */
  #arrived: number[] = [];
  /** Calls that wait for another one, by its id. */
  readonly #behind = new Map<number, CallFrame>();
  /** What was answered with a value since the last call that waits for none: only of those another may come behind. */
  readonly #answered = new Set<number>();
  /** Their turn has come; they are begun when nothing is being begun. */
  #next: CallFrame[] = [];

  /** Makes the isolate at once: whoever waits for an extension waits with all that does not depend on it. */
  constructor(options: Omit<IsolateOptions, 'host'>, outbox: Outbox, exit: Exit) {
    this.#outbox = outbox;
    this.#exit = exit;
    this.#lent = createLentFunctions(outbox, this.#budgets, this.#timers);
    this.#guest = new GuestIsolate({ ...options, host: this.#lent.functions });
  }

  handle(frame: HostFrame): void {
    if (frame.t === 'call') this.#call(frame);
    else if (frame.t === 'host-reply') this.#settle(frame);
    else if (frame.t === 'cancel') this.#cancel(frame.id);
    else if (frame.t === 'load-part') this.#parts.push(frame.code);
    else if (frame.t === 'load') this.#load(frame);
    else if (frame.t === 'credit') this.#outbox.give(frame.bytes);
    else if (frame.t === 'drain') this.#draining = true;
    else this.#exit(CELL_EXIT.stopped);
  }

  /** At the end of a chunk of frames: says of each call that has not spoken yet that it is in. */
  acknowledge(): void {
    for (const id of this.#arrived) {
      if (this.#budgets.get(id)?.spoke === false) this.#outbox.send({ t: 'ack', id });
    }
    this.#arrived = [];
  }

  beat(): void {
    this.#lent.reportRefused();
    const guest = this.#untilLoaded === null ? this.#guest : null;
    const { heapBytes = 0, cpuUs = 0 } = guest ?? {};
    this.#outbox.send({ t: 'heartbeat', heapBytes, cpuUs });
  }

  #load(frame: LoadFrame): void {
    const { id, load } = frame;
    this.#budgets.open(id, load.cpuMs);
    this.#arrived.push(id);
    this.#budgets.setBackground(load.cpuMs);
    const module = moduleOf(load, this.#parts);
    this.#parts = [];
    const guest = this.#guest;
    this.#untilLoaded = [];
    const before = guest.cpuUs;
    void guest.load(id, module, this.#budgets.sliceMs(id)).then((slice) => {
      const waiting = this.#untilLoaded ?? [];
      this.#untilLoaded = null;
      this.#settleSlice(id, guest, before, slice);
      for (const enter of waiting) enter();
    });
  }

  #call(frame: CallFrame): void {
    const { id, after, target, cpuMs } = frame;
    this.#budgets.open(id, cpuMs);
    if (after === undefined) this.#answered.clear();
    if (this.#draining && target.kind !== 'stream') this.#fail(id, STOPPING);
    else if (after === undefined || this.#answered.has(after)) this.#begin(frame);
    else if (this.#budgets.get(after) !== undefined) this.#behind.set(after, frame);
    else this.#fail(id, NOT_MADE);
  }

  #begin(frame: CallFrame): void {
    this.#arrived.push(frame.id);
    this.#enter(frame.id, 'dispatch', [frame.id, dispatchText(frame)]);
  }

  /** Begins what came behind a call that is answered now, and so on. */
  #beginNext(): void {
    const frame = this.#next.shift();
    // The host may have taken it back.
    if (frame === undefined || this.#budgets.get(frame.id) === undefined) return;
    this.#begin(frame);
    this.acknowledge(); // what answered the call before it need not have been a frame
  }

  #cancel(id: number): void {
    // Either way the host gets a sign of life: without one it would take this cell for stuck.
    if (this.#budgets.get(id) === undefined) {
      this.beat();
      return;
    }
    this.#fail(id, { code: 'E_LIMIT_WALL', message: 'cancelled' });
    this.#enter(id, 'cancel', [id], CANCEL_SLICE_MS);
  }

  #settle(frame: ReplyFrame): void {
    const call = this.#lent.takeHostCall(frame.id);
    if (call === undefined) return;
    if ('value' in frame) {
      this.#enter(call, 'settle', [frame.id, call, frame.value]);
    } else {
      this.#enter(call, 'settleError', [frame.id, call, frame.error.code, frame.error.message]);
    }
  }

  #enter(call: number, entry: EntryName, args: readonly (string | number)[], limitMs?: number): void {
    const guest = this.#guest;
    if (this.#untilLoaded !== null) {
      this.#untilLoaded.push(() => this.#enter(call, entry, args, limitMs));
      return;
    }
    this.#outbox.flushStale();
    const sliceMs = limitMs ?? this.#budgets.sliceMs(call);
    const before = guest.cpuUs;
    this.#settleSlice(call, guest, before, guest.enter(entry, args, sliceMs));
  }

  /** Books the time of a slice, sends what it answered, and ends the cell when it broke a limit. */
  #settleSlice(call: number, guest: GuestIsolate, before: number, slice: SliceEnd): void {
    const within = this.#budgets.spend(call, Math.max(0, guest.cpuUs - before));
    for (const answer of this.#lent.takeAnswers()) this.#answer(answer);
    if (slice.end === 'threw') this.#fail(call, thrownError(slice.message, slice.stack));
    else if (slice.end !== 'returned') this.#leave(call, slice.end);
    else if (!within) this.#overBudget(call);
    this.#beginNext();
  }

  /**
   * The guest was stopped in the middle of something and is not to be trusted with another call. Calls that
   * are in are acknowledged, so that the host knows which ones it can make again elsewhere.
   */
  #leave(call: number, why: 'timeout' | 'memory'): void {
    this.acknowledge();
    this.beat();
    if (why === 'timeout') this.#fail(call, OVER_BUDGET);
    this.#next = [];
    this.#exit(why === 'timeout' ? CELL_EXIT.cpu : CELL_EXIT.memory);
  }

  /**
   * The slice ended by itself, a little over: the guest is intact, only this call ends. Work of no open call
   * has nobody to tell: it ends with the cell.
   */
  #overBudget(call: number): void {
    if (this.#budgets.get(call) === undefined) {
      this.#leave(call, 'timeout');
      return;
    }
    this.#fail(call, OVER_BUDGET);
    this.#enter(call, 'cancel', [call], CANCEL_SLICE_MS);
  }

  #answer(answer: SliceAnswer): void {
    if ('error' in answer) {
      this.#fail(answer.call, answer.error);
      return;
    }
    const fits = Buffer.byteLength(answer.value) <= MAX_PAYLOAD_BYTES;
    const cpuUs = Math.round(this.#budgets.get(answer.call)?.usedUs ?? 0);
    if (fits && this.#outbox.send({ t: 'reply', id: answer.call, value: answer.value, cpuUs })) {
      this.#budgets.close(answer.call);
      this.#answered.add(answer.call);
      const behind = this.#takeBehind(answer.call);
      if (behind !== undefined) this.#next.push(behind);
    } else {
      this.#fail(answer.call, { code: 'E_LIMIT_OUTPUT', message: 'the result is larger than allowed' });
    }
  }

  /** Answers a call with an error, unless it has been answered. */
  #fail(call: number, error: WireError): void {
    const budget = this.#budgets.close(call);
    if (budget === undefined) return;
    this.#outbox.send({ t: 'reply', id: call, error, cpuUs: Math.round(budget.usedUs) });
    const behind = this.#takeBehind(call);
    if (behind !== undefined) this.#fail(behind.id, NOT_MADE);
  }

  #takeBehind(call: number): CallFrame | undefined {
    const frame = this.#behind.get(call);
    this.#behind.delete(call);
    return frame;
  }
}

function thrownError(message: string, stack: string): WireError {
  return {
    code: 'E_EXTENSION',
    message: message.slice(0, MAX_ERROR_CHARS),
    stack: stack.slice(0, MAX_STACK_CHARS),
  };
}
