/**
 * What the runner lends the prelude: functions that take and return text and numbers only, and never throw.
 * They live in closures of the prelude; guest code must never hold one.
 */
export interface HostFunctions {
  /** Answers a call: `value` is JSON text. */
  reply(call: number, value: string): void;
  /** Answers a call with an error. */
  fail(call: number, code: string, message: string, stack: string): void;
  /** Asks the host on behalf of a call; `''`, or the code it was refused with before it left the cell. */
  hostCall(id: number, call: number, name: string, params: string): string;
  log(call: number, level: string, message: string, fields: string): void;
  startTimer(id: number, call: number, delayMs: number, repeat: boolean): void;
  stopTimer(id: number): void;
  /** `count` random bytes as lower-case hex. */
  random(count: number): string;
}

/** What the runner may enter the guest through. Each catches everything that guest code throws. */
export interface GuestEntries {
  /** Takes the definition out of the module and answers the load with its shape. */
  capture(call: number, namespace: { readonly default?: unknown }): void;
  dispatch(call: number, kind: string, name: string, payload: string, context: string): void;
  /** Delivers the answer to a host call. */
  settle(id: number, call: number, value: string): void;
  settleError(id: number, call: number, code: string, message: string): void;
  fire(timer: number, call: number): void;
  cancel(call: number): void;
}
