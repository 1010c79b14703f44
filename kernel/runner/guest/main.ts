import { AbortController, AbortSignal } from './abort.ts';
import { atob, btoa } from './base64.ts';
import { createConsole } from './console.ts';
import { freezeJson } from './context.ts';
import type { CurrentCall } from './current-call.ts';
import { createDispatcher } from './dispatch.ts';
import { createHostCaller } from './host-calls.ts';
import type { GuestEntries, HostFunctions } from './host-functions.ts';
import { createLog, type LogLine } from './log.ts';
import { defineProperty, ownKeys, parseJson } from './primordials.ts';
import { createCrypto } from './random.ts';
import { reportTo } from './report-error.ts';
import { structuredClone } from './structured-clone.ts';
import { TextDecoder, TextEncoder } from './text.ts';
import { createTimers, type Timers } from './timers.ts';

/**
 * Off: shared memory and its clock, compiled code, and finalizers, whose callbacks V8 runs outside of every
 * timed window.
 */
const REMOVED = ['SharedArrayBuffer', 'Atomics', 'WebAssembly', 'FinalizationRegistry'];

/** The prelude: runs in the isolate before any guest code and builds all that guest code can reach. */
export function install(
  host: HostFunctions,
  loadCall: number,
  extensionText: string,
  configText: string,
): GuestEntries {
  const current: CurrentCall = { call: loadCall };
  const log = createLog(host);
  reportTo((message, fields) => log(current.call, 'error', message, fields));
  const timers = createTimers(host, current);
  const caller = createHostCaller(host);
  const dispatcher = createDispatcher({
    host,
    caller,
    log,
    extension: freezeJson(parseJson(extensionText) as { id: string; version: string }),
    config: freezeJson(parseJson(configText) as Record<string, never>),
  });
  for (let i = 0; i < REMOVED.length; i++)
    delete (globalThis as Record<string, unknown>)[REMOVED[i] as string];
  defineGlobals(globalsOf(host, log, timers, current));
  return entriesOf(current, timers, caller, dispatcher);
}

function entriesOf(
  current: CurrentCall,
  timers: Timers,
  caller: ReturnType<typeof createHostCaller>,
  dispatcher: ReturnType<typeof createDispatcher>,
): GuestEntries {
  return {
    capture(call, namespace) {
      current.call = call;
      dispatcher.capture(call, namespace);
    },
    dispatch(call, kind, name, payload, context) {
      current.call = call;
      dispatcher.dispatch(call, kind, name, payload, context);
    },
    settle(id, call, value) {
      current.call = call;
      caller.settle(id, value);
    },
    settleError(id, call, code, message) {
      current.call = call;
      caller.settleError(id, code, message);
    },
    fire(timer, call) {
      current.call = call;
      timers.fire(timer);
    },
    cancel(call) {
      current.call = call;
      dispatcher.cancel(call);
    },
  };
}

function globalsOf(
  host: HostFunctions,
  log: LogLine,
  timers: Timers,
  current: CurrentCall,
): Record<string, unknown> {
  return {
    __proto__: null,
    console: createConsole(log, current),
    crypto: createCrypto(host),
    AbortController,
    AbortSignal,
    TextEncoder,
    TextDecoder,
    atob,
    btoa,
    structuredClone,
    setTimeout: timers.globals.setTimeout,
    setInterval: timers.globals.setInterval,
    clearTimeout: timers.globals.clearTimeout,
    clearInterval: timers.globals.clearInterval,
    queueMicrotask: timers.globals.queueMicrotask,
  };
}

/** Like the platform's own: writable, not enumerable. */
function defineGlobals(globals: Record<string, unknown>): void {
  const names = ownKeys(globals);
  for (let i = 0; i < names.length; i++) {
    const name = names[i] as string;
    defineProperty(globalThis, name, { value: globals[name], writable: true, configurable: true });
  }
}
