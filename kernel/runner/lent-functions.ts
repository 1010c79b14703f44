import { randomBytes } from 'node:crypto';
import type { LogLevel, WireError } from '../../manifests/protocol/frames.ts';
import { MAX_HOST_CALLS_IN_FLIGHT, MAX_PAYLOAD_BYTES } from '../../manifests/protocol/limits.ts';
import type { Budgets } from './budgets.ts';
import type { HostFunctions } from './guest/host-functions.ts';
import type { GuestTimers } from './guest-timers.ts';
import { LogWriter } from './log-writer.ts';
import type { Outbox } from './outbox.ts';
import { createWebFunctions } from './web-functions.ts';

/** An answer the guest gave during a slice; it is sent when the slice has ended and its time is known. */
export type SliceAnswer =
  | { readonly call: number; readonly value: string }
  | { readonly call: number; readonly error: WireError };

export interface LentFunctions {
  readonly functions: HostFunctions;
  takeAnswers(): readonly SliceAnswer[];
  /** The call on whose behalf a host call was made; forgets it. */
  takeHostCall(id: number): number | undefined;
  /** Says how much the guest was refused in here since the last time, if anything. */
  reportRefused(): void;
}

/** The runner's side of what it lends the prelude. None of these may throw: it would throw into the guest. */
export function createLentFunctions(outbox: Outbox, budgets: Budgets, timers: GuestTimers): LentFunctions {
  const hostCalls = new Map<number, number>();
  const log = new LogWriter(outbox);
  const refused = { E_LIMIT_RATE: 0, E_LIMIT_OUTPUT: 0 };
  let answers: SliceAnswer[] = [];

  function refuse(code: keyof typeof refused): string {
    refused[code]++;
    return code;
  }

  function spoke(call: number): void {
    const budget = budgets.get(call);
    if (budget !== undefined) budget.spoke = true;
  }

  const functions: HostFunctions = {
    reply: (call, value) => void answers.push({ call, value }),
    fail: (call, code, message, stack, className) =>
      void answers.push({ call, error: { code, message, ...named({ stack, class: className }) } }),
    hostCall(id, call, name, params) {
      if (hostCalls.size >= MAX_HOST_CALLS_IN_FLIGHT) return refuse('E_LIMIT_RATE');
      if (Buffer.byteLength(params) > MAX_PAYLOAD_BYTES) return refuse('E_LIMIT_OUTPUT');
      if (!outbox.send({ t: 'host-call', id, call, name, params })) return refuse('E_LIMIT_OUTPUT');
      hostCalls.set(id, call);
      spoke(call);
      return '';
    },
    log(call, level, message, fields) {
      log.write(call, level as LogLevel, message, fields);
      spoke(call);
    },
    startTimer: (id, call, delayMs, repeat) => timers.start(id, call, delayMs, repeat),
    stopTimer: (id) => timers.stop(id),
    random: (count) => randomBytes(count).toString('hex'),
    ...createWebFunctions(),
  };

  return {
    functions,
    reportRefused() {
      log.reportDropped();
      for (const what of ['E_LIMIT_RATE', 'E_LIMIT_OUTPUT'] as const) {
        if (refused[what] > 0) outbox.send({ t: 'refused', what, count: refused[what] });
        refused[what] = 0;
      }
    },
    takeAnswers() {
      const taken = answers;
      answers = [];
      return taken;
    },
    takeHostCall(id) {
      const call = hostCalls.get(id);
      hostCalls.delete(id);
      return call;
    },
  };
}

/** Without what is empty. */
function named(members: Pick<WireError, 'stack' | 'class'>): typeof members {
  return Object.fromEntries(Object.entries(members).filter(([, text]) => text !== ''));
}
