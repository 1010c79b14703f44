import { GuestError, GuestTypeError, reflectApply } from './primordials.ts';
import { reportError } from './report-error.ts';

type Listener = ((event: AbortEvent) => void) | { handleEvent(event: AbortEvent): void };

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

let abortSignal: (signal: AbortSignal, reason: unknown) => void;

/** The platform's AbortSignal without the rest of EventTarget: `abort` is the only event there is. */
export class AbortSignal {
  onabort: ((event: AbortEvent) => void) | null = null;
  #aborted = false;
  #reason: unknown;
  #listeners: Listener[] = [];

  static {
    abortSignal = (signal, reason) => signal.#abort(reason);
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

  get aborted(): boolean {
    return this.#aborted;
  }

  get reason(): unknown {
    return this.#reason;
  }

  throwIfAborted(): void {
    if (this.#aborted) throw this.#reason;
  }

  addEventListener(type: string, listener: Listener | null): void {
    if (type !== 'abort' || !listener || this.#aborted) return;
    if (!this.#listeners.includes(listener)) this.#listeners.push(listener);
  }

  removeEventListener(type: string, listener: Listener | null): void {
    if (type === 'abort') this.#listeners = this.#listeners.filter((entry) => entry !== listener);
  }

  #abort(reason: unknown): void {
    if (this.#aborted) return;
    this.#aborted = true;
    this.#reason = reason;
    const listeners = this.#listeners;
    this.#listeners = [];
    const event: AbortEvent = { type: 'abort', target: this };
    if (typeof this.onabort === 'function') notify(this.onabort, this, event);
    for (const listener of listeners) {
      if (typeof listener === 'function') notify(listener, this, event);
      else notify(listener.handleEvent, listener, event);
    }
  }
}

export class AbortController {
  readonly #signal = new AbortSignal(KEY);

  get signal(): AbortSignal {
    return this.#signal;
  }

  abort(reason: unknown = abortError()): void {
    abortSignal(this.#signal, reason);
  }
}

/** A signal that the prelude itself aborts. */
export function createAbortControl(): AbortControl {
  const signal = new AbortSignal(KEY);
  return { signal, abort: (reason) => abortSignal(signal, reason) };
}

function notify(listener: (event: AbortEvent) => void, self: unknown, event: AbortEvent): void {
  try {
    reflectApply(listener, self, [event]);
  } catch (thrown) {
    reportError('listener', thrown);
  }
}

function abortError(): Error {
  const error = new GuestError('This operation was aborted');
  error.name = 'AbortError';
  return error;
}
