import { AbortController, AbortSignal, timeoutsBy } from './abort.ts';
import { atob, btoa } from './base64.ts';
import { createConsole } from './console.ts';
import { freezeJson } from './context.ts';
import { createCrypto } from './crypto.ts';
import type { CurrentCall } from './current-call.ts';
import { createDispatcher } from './dispatch.ts';
import { createFetch } from './fetch.ts';
import { guardHost } from './guarded-host.ts';
import { Headers } from './headers.ts';
import { createHostCaller, type HostCaller } from './host-calls.ts';
import type { GuestEntries, HostFunctions } from './host-functions.ts';
import { lendWeb, web } from './lent.ts';
import { createLog, type LogLine } from './log.ts';
import { defineProperty, ownKeys, parseJson } from './primordials.ts';
import { reportTo } from './report-error.ts';
import { Request } from './request.ts';
import { Response } from './response.ts';
import { structuredClone } from './structured-clone.ts';
import { TextDecoder, TextEncoder } from './text.ts';
import { createTimers, type Timers } from './timers.ts';
import { URL } from './url.ts';
import { URLSearchParams } from './url-search-params.ts';

/**
 * Off: shared memory and its clock, compiled code, and finalizers, whose callbacks V8 runs outside of every
 * timed window. `WeakRef` stays: it tells of the guest's own heap only, to code that asks within its time.
 * `Intl` stays: it reads its own data and nothing else, in the locale and time zone of an empty environment.
 */
const REMOVED = ['SharedArrayBuffer', 'Atomics', 'WebAssembly', 'FinalizationRegistry'];

/**
 * The prelude: runs in the isolate before any guest code and builds all that guest code can reach. It does so before
 * anybody knows whose code that will be.
 */
export function install(lent: HostFunctions): GuestEntries {
  const current: CurrentCall = { call: 0 };
  const host = guardHost(lent);
  lendWeb(host);
  const log = createLog(host);
  reportTo((message, fields) => log(current.call, 'error', message, fields));
  const timers = createTimers(host, current);
  timeoutsBy(timers.later);
  const caller = createHostCaller(host);
  const dispatcher = createDispatcher({ host, caller, log });
  for (let i = 0; i < REMOVED.length; i++)
    delete (globalThis as Record<string, unknown>)[REMOVED[i] as string];
  // Of V8 alone; no platform has it.
  delete (Intl as unknown as Record<string, unknown>).v8BreakIterator;
  defineGlobals(globalsOf(log, timers, caller, current));
  return entriesOf(current, timers, caller, dispatcher);
}

function entriesOf(
  current: CurrentCall,
  timers: Timers,
  caller: HostCaller,
  dispatcher: ReturnType<typeof createDispatcher>,
): GuestEntries {
  return {
    introduce(call, extension, config) {
      current.call = call;
      dispatcher.introduce({
        extension: freezeJson(parseJson(extension) as { id: string; version: string }),
        config: freezeJson(parseJson(config) as Record<string, never>),
      });
    },
    capture(call, namespace) {
      current.call = call;
      dispatcher.capture(call, namespace);
    },
    dispatch(call, text) {
      current.call = call;
      dispatcher.dispatch(call, text);
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
  log: LogLine,
  timers: Timers,
  caller: HostCaller,
  current: CurrentCall,
): Record<string, unknown> {
  return {
    __proto__: null,
    console: createConsole(log, current),
    crypto: createCrypto(),
    AbortController,
    AbortSignal,
    TextEncoder,
    TextDecoder,
    atob,
    btoa,
    structuredClone,
    URL,
    URLSearchParams,
    Headers,
    Request,
    Response,
    // Of whatever call runs when it is called: `ctx.http.fetch` is of its own call for sure.
    fetch: createFetch((name, params) => caller.ask(current.call, name, params)),
    performance: { now: () => web().clock() },
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
