import { MAX_TIMERS } from '../../../manifests/protocol/limits.ts';
import type { CurrentCall } from './current-call.ts';
import type { HostFunctions } from './host-functions.ts';
import {
  dictionary,
  GuestTypeError,
  mathMin,
  mathTrunc,
  reflectApply,
  soon,
  toNumber,
} from './primordials.ts';
import { reportError } from './report-error.ts';
import { hostError } from './wire-error.ts';

type Callback = (...args: unknown[]) => void;

interface Timer {
  readonly run: Callback;
  readonly args: readonly unknown[];
  readonly repeat: boolean;
}

/** Runs a function of the prelude after so many milliseconds. @throws an Error with code `E_LIMIT_RATE` */
export type RunLater = (run: () => void, delayMs: number) => void;

export interface Timers {
  fire(id: number): void;
  readonly later: RunLater;
  readonly globals: Readonly<Record<string, (...args: never[]) => unknown>>;
}

/** The runner keeps the clock; what runs when it strikes stays in here. */
export function createTimers(host: HostFunctions, current: CurrentCall): Timers {
  const timers = dictionary<Timer>();
  let openTimers = 0;
  let lastId = 0;

  function start(run: Callback, delay: unknown, args: readonly unknown[], repeat: boolean): number {
    mustBeFunction(run);
    const delayMs = delayOf(delay);
    if (openTimers >= MAX_TIMERS) throw hostError('E_LIMIT_RATE', `more than ${MAX_TIMERS} open timers`);
    const id = ++lastId;
    timers[id] = { run, args, repeat };
    openTimers++;
    host.startTimer(id, current.call, delayMs, repeat);
    return id;
  }

  function stop(id: unknown): void {
    if (typeof id !== 'number' || timers[id] === undefined) return;
    delete timers[id];
    openTimers--;
    host.stopTimer(id);
  }

  function guarded(run: Callback, args: readonly unknown[], what: string): void {
    try {
      reflectApply(run, undefined, args);
    } catch (thrown) {
      reportError(what, thrown);
    }
  }

  return {
    fire(id) {
      const timer = timers[id];
      if (timer === undefined) return;
      if (!timer.repeat) {
        delete timers[id];
        openTimers--;
      }
      guarded(timer.run, timer.args, 'timer');
    },
    later: (run, delayMs) => void start(run, delayMs, [], false),
    globals: {
      setTimeout: (run: Callback, delay?: unknown, ...args: unknown[]) => start(run, delay, args, false),
      setInterval: (run: Callback, delay?: unknown, ...args: unknown[]) => start(run, delay, args, true),
      clearTimeout: (id?: unknown) => stop(id),
      clearInterval: (id?: unknown) => stop(id),
      queueMicrotask: (run: Callback) => {
        mustBeFunction(run);
        soon(() => guarded(run, [], 'microtask'));
      },
    },
  };
}

function mustBeFunction(run: unknown): void {
  if (typeof run !== 'function') throw new GuestTypeError('the callback is no function');
}

/** Whole milliseconds from 0 to the longest a timer can wait, as browsers read it. */
function delayOf(delay: unknown): number {
  const ms = mathTrunc(toNumber(delay));
  return ms > 0 ? mathMin(ms, 2_147_483_647) : 0;
}
