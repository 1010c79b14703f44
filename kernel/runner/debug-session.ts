import { CELL_EXIT } from '../../manifests/protocol/cell-exit.ts';
import { type DebugMessage, debugFrames, type HostDebugFrame } from '../../manifests/protocol/debug-frame.ts';
import type { HostFrame, WireError } from '../../manifests/protocol/frames.ts';
import { MAX_ERROR_CHARS, MAX_PAYLOAD_BYTES, MAX_STACK_CHARS } from '../../manifests/protocol/limits.ts';
import { Budgets } from './budgets.ts';
import { DebugIsolate } from './debug-isolate.ts';
import { dispatchText } from './dispatch-text.ts';
import { GuestTimers } from './guest-timers.ts';
import type { DebugSession } from './inspector-sessions.ts';
import { type EntryName, type IsolateOptions, moduleOf, type SliceEnd } from './isolate.ts';
import { createLentFunctions, type LentFunctions, type SliceAnswer } from './lent-functions.ts';
import type { Outbox } from './outbox.ts';

type Frame<T extends HostFrame['t']> = Extract<HostFrame, { t: T }>;

export interface DebuggedOptions extends Omit<IsolateOptions, 'host'> {
  readonly outbox: Outbox;
  /** Sends a frame that only debug mode knows. */
  readonly sendDebug: (frame: DebugMessage) => void;
  readonly exit: (code: number) => void;
}

const OUT_OF_MEMORY: WireError = { code: 'E_LIMIT_MEMORY', message: 'over the memory limit' };

/**
 * One extension in a cell of debug mode: `Session` without its clocks. Entering the guest is asynchronous and
 * queues in the isolate, so frames keep their order.
 */
export class DebuggedExtension {
  readonly #options: DebuggedOptions;
  readonly #outbox: Outbox;
  /** Only to know which calls are open. */
  readonly #budgets = new Budgets();
  readonly #timers = new GuestTimers((timer, call) => void this.#enter(call, 'fire', [timer, call]));
  readonly #lent: LentFunctions;
  readonly #debuggers = new Map<number, DebugSession>();
  readonly #unfinished = new Map<number, string>();
  #guest: Promise<DebugIsolate> | null = null;
  #isMeasuring = false;
  #parts: string[] = [];

  constructor(options: DebuggedOptions) {
    this.#options = options;
    this.#outbox = options.outbox;
    this.#lent = createLentFunctions(options.outbox, this.#budgets, this.#timers);
  }

  handle(frame: HostFrame | HostDebugFrame): void {
    if (frame.t === 'call') this.#call(frame);
    else if (frame.t === 'host-reply') this.#settle(frame);
    else if (frame.t === 'cancel') this.#cancel(frame.id);
    else if (frame.t === 'load-part') this.#parts.push(frame.code);
    else if (frame.t === 'load') void this.#load(frame);
    else if (frame.t === 'debug') void this.#dispatch(frame.session, frame.text, frame.last);
    else if (frame.t === 'debug-open') void this.#attach(frame.session);
    else if (frame.t === 'debug-close') this.#detach(frame.session);
    else if (frame.t === 'stop') this.#options.exit(CELL_EXIT.stopped);
  }

  /** Says what the extension uses; nothing while a breakpoint holds it, and nobody expects it to. */
  async beat(): Promise<void> {
    this.#lent.reportRefused();
    if (this.#guest === null || this.#isMeasuring) return;
    this.#isMeasuring = true;
    const guest = await this.#guest;
    const heapBytes = await guest.heapBytes();
    this.#isMeasuring = false;
    this.#outbox.send({ t: 'heartbeat', heapBytes, cpuUs: guest.cpuUs });
  }

  async #load({ id, load }: Frame<'load'>): Promise<void> {
    this.#budgets.open(id, load.cpuMs);
    const module = moduleOf(load, this.#parts);
    this.#parts = [];
    const { addonPath, memoryMb } = this.#options;
    this.#guest = DebugIsolate.create({ addonPath, memoryMb, host: this.#lent.functions });
    const guest = await this.#guest;
    await this.#settleSlice(id, guest.load(id, module));
  }

  #call(frame: Frame<'call'>): void {
    const { id, cpuMs } = frame;
    this.#budgets.open(id, cpuMs);
    this.#outbox.send({ t: 'ack', id });
    void this.#enter(id, 'dispatch', [id, dispatchText(frame)]);
  }

  #cancel(id: number): void {
    if (this.#budgets.get(id) === undefined) return;
    this.#fail(id, { code: 'E_LIMIT_WALL', message: 'cancelled' });
    void this.#enter(id, 'cancel', [id]);
  }

  #settle(frame: Frame<'host-reply'>): void {
    const call = this.#lent.takeHostCall(frame.id);
    if (call === undefined) return;
    if ('value' in frame) void this.#enter(call, 'settle', [frame.id, call, frame.value]);
    else void this.#enter(call, 'settleError', [frame.id, call, frame.error.code, frame.error.message]);
  }

  async #enter(call: number, entry: EntryName, args: readonly (string | number)[]): Promise<void> {
    const guest = await this.#guest;
    if (guest === null) this.#fail(call, { code: 'E_EXTENSION', message: 'nothing is loaded' });
    else await this.#settleSlice(call, guest.enter(entry, args));
  }

  async #settleSlice(call: number, running: Promise<SliceEnd>): Promise<void> {
    const slice = await running;
    for (const answer of this.#lent.takeAnswers()) this.#answer(answer);
    if (slice.end === 'threw') this.#fail(call, thrownError(slice.message, slice.stack));
    if (slice.end !== 'memory') return;
    this.#fail(call, OUT_OF_MEMORY);
    this.#options.exit(CELL_EXIT.memory);
  }

  #answer(answer: SliceAnswer): void {
    if ('error' in answer) {
      this.#fail(answer.call, answer.error);
      return;
    }
    const { call: id, value } = answer;
    const fits = Buffer.byteLength(value) <= MAX_PAYLOAD_BYTES;
    if (fits && this.#outbox.send({ t: 'reply', id, value, cpuUs: 0 })) this.#budgets.close(id);
    else this.#fail(id, { code: 'E_LIMIT_OUTPUT', message: 'the result is larger than allowed' });
  }

  /** Answers a call with an error, unless it has been answered. */
  #fail(call: number, error: WireError): void {
    if (this.#budgets.close(call) === undefined) return;
    this.#outbox.send({ t: 'reply', id: call, error, cpuUs: 0 });
  }

  async #attach(session: number): Promise<void> {
    const guest = await this.#guest;
    if (guest === null) return;
    const send = (message: string) => {
      for (const frame of debugFrames(session, message)) this.#options.sendDebug(frame);
    };
    this.#debuggers.set(session, guest.openSession(send));
  }

  async #dispatch(session: number, text: string, last: boolean): Promise<void> {
    const message = (this.#unfinished.get(session) ?? '') + text;
    this.#unfinished.delete(session);
    if (!last) {
      this.#unfinished.set(session, message);
      return;
    }
    await this.#guest; // after `debug-open`, which waits for it too
    this.#debuggers.get(session)?.dispatch(message);
  }

  /** A guest that stands at a breakpoint of its last debugger goes on: V8 resumes it. */
  #detach(session: number): void {
    this.#debuggers.get(session)?.dispose();
    this.#debuggers.delete(session);
    this.#unfinished.delete(session);
  }
}

function thrownError(message: string, stack: string): WireError {
  return {
    code: 'E_EXTENSION',
    message: message.slice(0, MAX_ERROR_CHARS),
    stack: stack.slice(0, MAX_STACK_CHARS),
  };
}
