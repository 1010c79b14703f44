import { CELL_EXIT } from '../../manifests/protocol/cell-exit.ts';
import type { CellLoad, HostFrame, WireError } from '../../manifests/protocol/frames.ts';
import { MAX_ERROR_CHARS, MAX_PAYLOAD_BYTES, MAX_STACK_CHARS } from '../../manifests/protocol/limits.ts';
import { Budgets } from './budgets.ts';
import { GuestTimers } from './guest-timers.ts';
import { type EntryName, GuestIsolate, type SliceEnd } from './isolate.ts';
import { createLentFunctions, type LentFunctions, type SliceAnswer } from './lent-functions.ts';
import type { Outbox } from './outbox.ts';

type Exit = (code: number) => void;
type LoadFrame = Extract<HostFrame, { t: 'load' }>;
type CallFrame = Extract<HostFrame, { t: 'call' }>;
type ReplyFrame = Extract<HostFrame, { t: 'host-reply' }>;

/** Milliseconds that the listeners of an aborted signal get: their call may have nothing left. */
const CANCEL_SLICE_MS = 100;

const OVER_BUDGET: WireError = { code: 'E_LIMIT_CPU', message: 'over the processor budget' };

/** One extension in this cell: takes the frames of the host and enters the guest for them. */
export class Session {
  readonly #addonPath: string;
  readonly #outbox: Outbox;
  readonly #exit: Exit;
  readonly #budgets = new Budgets();
  readonly #timers = new GuestTimers((timer, call) => this.#enter(call, 'fire', [timer, call]));
  readonly #lent: LentFunctions;
  #guest: GuestIsolate | null = null;
  /** The module is being evaluated on another thread: what would enter the guest waits here meanwhile. */
  #untilLoaded: (() => void)[] | null = null;
  #draining = false;
  /** Of a module too long for one frame. */
  #parts: string[] = [];
  /** Calls of the chunk of frames that is worked on. */
  #arrived: number[] = [];

  constructor(addonPath: string, outbox: Outbox, exit: Exit) {
    this.#addonPath = addonPath;
    this.#outbox = outbox;
    this.#exit = exit;
    this.#lent = createLentFunctions(outbox, this.#budgets, this.#timers);
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
    const code = this.#parts.join('') + load.code;
    this.#parts = [];
    const guest = this.#createGuest(id, load);
    this.#guest = guest;
    this.#untilLoaded = [];
    const before = guest.cpuUs;
    const filename = `${load.extension.id}/index.js`;
    void guest.load(id, code, filename, this.#budgets.sliceMs(id)).then((slice) => {
      const waiting = this.#untilLoaded ?? [];
      this.#untilLoaded = null;
      this.#settleSlice(id, guest, before, slice);
      for (const enter of waiting) enter();
    });
  }

  #createGuest(id: number, load: CellLoad): GuestIsolate {
    return new GuestIsolate({
      addonPath: this.#addonPath,
      memoryMb: load.memoryMb,
      loadCall: id,
      extension: JSON.stringify(load.extension),
      config: JSON.stringify(load.config),
      host: this.#lent.functions,
    });
  }

  #call(frame: CallFrame): void {
    const { id, target, payload, context, cpuMs } = frame;
    this.#budgets.open(id, cpuMs);
    if (this.#draining) {
      this.#fail(id, { code: 'E_CELL_LOST', message: 'the cell is stopping' });
      return;
    }
    this.#arrived.push(id);
    this.#enter(id, 'dispatch', [id, target.kind, target.name, payload, context]);
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
    if (guest === null) {
      this.#fail(call, { code: 'E_EXTENSION', message: 'nothing is loaded' });
      return;
    }
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
  }

  /**
   * The guest was stopped in the middle of something and is not to be trusted with another call. Calls that
   * are in are acknowledged, so that the host knows which ones it can make again elsewhere.
   */
  #leave(call: number, why: 'timeout' | 'memory'): void {
    this.acknowledge();
    this.beat();
    if (why === 'timeout') this.#fail(call, OVER_BUDGET);
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
    } else {
      this.#fail(answer.call, { code: 'E_LIMIT_OUTPUT', message: 'the result is larger than allowed' });
    }
  }

  /** Answers a call with an error, unless it has been answered. */
  #fail(call: number, error: WireError): void {
    const budget = this.#budgets.close(call);
    if (budget === undefined) return;
    this.#outbox.send({ t: 'reply', id: call, error, cpuUs: Math.round(budget.usedUs) });
  }
}

function thrownError(message: string, stack: string): WireError {
  return {
    code: 'E_EXTENSION',
    message: message.slice(0, MAX_ERROR_CHARS),
    stack: stack.slice(0, MAX_STACK_CHARS),
  };
}
