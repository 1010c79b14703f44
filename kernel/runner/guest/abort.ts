import { namedError } from './named-error.ts';
import { append, GuestRangeError, GuestTypeError, reflectApply, tag } from './primordials.ts';
import { reportError } from './report-error.ts';
import type { RunLater } from './timers.ts';

type Listener = ((event: AbortEvent) => void) | { handleEvent(event: AbortEvent): void };
type ListenerOptions = boolean | { readonly once?: boolean; readonly signal?: AbortSignal };

interface Entry {
  readonly listener: Listener;
  /** Ends the listening, when it aborts. */
  readonly until: AbortSignal | undefined;
}

interface AbortEvent {
  readonly type: 'abort';
  readonly target: AbortSignal;
}

export interface AbortControl {
  readonly signal: AbortSignal;
  abort(reason: unknown): void;
}

/** Only this module makes signals: the constructor takes this and nothing else. */
const KEY = {};
const MAX_TIMEOUT_MS = 2 ** 32 - 1;

let abortSignal: (signal: AbortSignal, reason: unknown) => void;
let follow: (source: AbortSignal, dependent: AbortSignal) => void;
let stateOf: (signal: AbortSignal) => { readonly aborted: boolean; readonly reason: unknown };
let listen: (signal: AbortSignal, run: () => void) => void;
let isSignal: (value: unknown) => value is AbortSignal;
let later: RunLater = () => undefined;

/** The platform's AbortSignal without the rest of EventTarget: `abort` is the only event there is. */
export class AbortSignal {
  onabort: ((event: AbortEvent) => void) | null = null;
  #aborted = false;
  #reason: unknown;
  #listeners: Entry[] = [];
  /** Signals of `any` that this one aborts. */
  #dependents: AbortSignal[] = [];
  /** What the prelude itself does at the abort: before any listener. */
  #steps: (() => void)[] = [];

  static {
    abortSignal = (signal, reason) => signal.#abort(reason);
    follow = (source, dependent) => append(source.#dependents, dependent);
    stateOf = (signal) => ({ aborted: signal.#aborted, reason: signal.#reason });
    listen = (signal, run) => append(signal.#steps, run);
    isSignal = (value): value is AbortSignal =>
      typeof value === 'object' && value !== null && #aborted in value;
  }

  constructor(key?: unknown) {
    if (key !== KEY) throw new GuestTypeError('Illegal constructor');
  }

  /** A signal that is aborted already. */
  static abort(reason: unknown = abortError()): AbortSignal {
    const signal = new AbortSignal(KEY);
    abortSignal(signal, reason);
    return signal;
  }

  /** Aborts after so many milliseconds. */
  static timeout(ms: number): AbortSignal {
    if (typeof ms !== 'number') throw new GuestTypeError('The delay is no number');
    if (!(ms >= 0 && ms <= MAX_TIMEOUT_MS)) throw new GuestRangeError('The delay is out of range');
    const signal = new AbortSignal(KEY);
    later(() => {
      abortSignal(signal, namedError('TimeoutError', 'The operation was aborted due to timeout'));
    }, ms);
    return signal;
  }

  /** Aborts as soon as one of them does. */
  static any(signals: Iterable<AbortSignal>): AbortSignal {
    const sources: AbortSignal[] = [];
    for (const signal of signals) {
      if (!isSignal(signal)) throw new GuestTypeError('AbortSignal.any takes signals');
      append(sources, signal);
    }
    const dependent = new AbortSignal(KEY);
    for (let i = 0; i < sources.length; i++) {
      const state = stateOf(sources[i] as AbortSignal);
      if (!state.aborted) continue;
      abortSignal(dependent, state.reason);
      return dependent;
    }
    for (let i = 0; i < sources.length; i++) follow(sources[i] as AbortSignal, dependent);
    return dependent;
  }

  get aborted(): boolean {
    return this.#aborted;
  }

  get reason(): unknown {
    return this.#reason;
  }

  throwIfAborted(): void {
    if (this.#aborted) throw this.#reason;
  }

  /** A signal aborts once, so every listener is `once`. */
  addEventListener(type: string, listener: Listener | null, options?: ListenerOptions): void {
    const until = typeof options === 'object' && options !== null ? options.signal : undefined;
    if (until !== undefined && !isSignal(until)) throw new GuestTypeError('"signal" is no AbortSignal');
    if (type !== 'abort' || !listener || this.#aborted) return;
    for (let i = 0; i < this.#listeners.length; i++) if (this.#listeners[i]?.listener === listener) return;
    append(this.#listeners, { listener, until });
  }

  removeEventListener(type: string, listener: Listener | null): void {
    if (type !== 'abort') return;
    const kept: Entry[] = [];
    for (let i = 0; i < this.#listeners.length; i++) {
      const entry = this.#listeners[i] as Entry;
      if (entry.listener !== listener) append(kept, entry);
    }
    this.#listeners = kept;
  }

  #abort(reason: unknown): void {
    if (this.#aborted) return;
    // All of them first: a listener of one must see the others aborted.
    const signals: AbortSignal[] = [];
    this.#mark(reason, signals);
    for (let i = 0; i < signals.length; i++) (signals[i] as AbortSignal).#tell();
  }

  #mark(reason: unknown, marked: AbortSignal[]): void {
    if (this.#aborted) return;
    this.#aborted = true;
    this.#reason = reason;
    append(marked, this);
    const dependents = this.#dependents;
    this.#dependents = [];
    for (let i = 0; i < dependents.length; i++) (dependents[i] as AbortSignal).#mark(reason, marked);
  }

  #tell(): void {
    const steps = this.#steps;
    const listeners = this.#listeners;
    this.#steps = [];
    this.#listeners = [];
    for (let i = 0; i < steps.length; i++) (steps[i] as () => void)();
    const event: AbortEvent = { type: 'abort', target: this };
    if (typeof this.onabort === 'function') notify(this.onabort, this, event);
    for (let i = 0; i < listeners.length; i++) {
      const { listener, until } = listeners[i] as Entry;
      if (until !== undefined && stateOf(until).aborted) continue;
      notify(listener, this, event);
    }
  }
}
tag(AbortSignal, 'AbortSignal');

export class AbortController {
  readonly #signal = new AbortSignal(KEY);

  get signal(): AbortSignal {
    return this.#signal;
  }

  abort(reason: unknown = abortError()): void {
    abortSignal(this.#signal, reason);
  }
}
tag(AbortController, 'AbortController');

/** A signal that the prelude itself aborts. */
export function createAbortControl(): AbortControl {
  const signal = new AbortSignal(KEY);
  return { signal, abort: (reason) => abortSignal(signal, reason) };
}

/** The clock behind `AbortSignal.timeout`. */
export function timeoutsBy(runLater: RunLater): void {
  later = runLater;
}

/** Whether something is a signal, whatever its prototypes say. */
export function isAbortSignal(value: unknown): value is AbortSignal {
  return isSignal(value);
}

export function abortStateOf(signal: AbortSignal): { readonly aborted: boolean; readonly reason: unknown } {
  return stateOf(signal);
}

/** Runs a function of the prelude when a signal aborts, before the guest's own listeners. */
export function onAbort(signal: AbortSignal, run: () => void): void {
  listen(signal, run);
}

function notify(listener: Listener, self: AbortSignal, event: AbortEvent): void {
  try {
    if (typeof listener === 'function') reflectApply(listener, self, [event]);
    else listener.handleEvent(event);
  } catch (thrown) {
    reportError('listener', thrown);
  }
}

function abortError(): Error {
  return namedError('AbortError', 'This operation was aborted');
}
