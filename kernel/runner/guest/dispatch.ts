import { MAX_PAYLOAD_BYTES } from '../../../manifests/protocol/limits.ts';
import type { Context } from '../../../manifests/sdk/host-api.ts';
import { type AbortControl, createAbortControl } from './abort.ts';
import { type Ask, createContext } from './context.ts';
import type { CurrentCall } from './current-call.ts';
import { type Definition, readDefinition } from './definition.ts';
import type { HostCaller } from './host-calls.ts';
import type { HostFunctions } from './host-functions.ts';
import type { LogLine } from './log.ts';
import { dictionary, indexOfText, parseJson, sliceText, stringifyJson } from './primordials.ts';
import { createStreams } from './streams.ts';
import { describeThrown, hostError } from './wire-error.ts';

export interface DispatchParts {
  readonly host: HostFunctions;
  readonly caller: HostCaller;
  readonly log: LogLine;
}

/** Whom the isolate is for. */
export type Identity = Pick<Context, 'extension' | 'config'>;

/** What is called, and with what: two JSON texts. */
interface Target {
  readonly kind: string;
  readonly name: string;
  readonly context: string;
  readonly payload: string;
}

export interface Dispatcher {
  /** Once, before anything else. */
  introduce(identity: Identity): void;
  capture(call: number, namespace: { readonly default?: unknown }): void;
  dispatch(call: number, text: string): void;
  cancel(call: number): void;
}

/** Runs calls and answers each exactly once, unless the host cancelled it meanwhile. */
export function createDispatcher(parts: DispatchParts): Dispatcher {
  const { host } = parts;
  const open = dictionary<AbortControl>();
  const streams = createStreams();
  let identity: Identity | null = null;
  let definition: Definition | null = null;

  async function answer(call: number, control: AbortControl, target: Target) {
    try {
      const account: CurrentCall = { call };
      const result = await begin(account, control, target);
      // A body that nobody waits for any more is not begun.
      const isAnswer = target.kind === 'endpoint' && open[call] === control;
      const value = resultText(isAnswer ? streams.answerOf(result, account, control) : result);
      if (open[call] === control) host.reply(call, value);
    } catch (thrown) {
      const { code, message, stack, className } = describeThrown(thrown);
      if (open[call] === control) host.fail(call, code, message, stack, className);
    }
    delete open[call];
  }

  function begin(account: CurrentCall, control: AbortControl, target: Target): unknown {
    const { kind, name, payload, context: text } = target;
    if (kind === 'stream') return streams.serve(name, account.call, payload);
    if (identity === null || definition === null) throw hostError('E_EXTENSION', 'the module is not loaded');
    const { log, caller } = parts;
    const ask: Ask = (call, params) => caller.ask(account.call, call, params);
    const ctx = createContext({ account, identity, text, signal: control.signal, log, ask });
    return definition.call(kind, name, parseJson(payload), ctx);
  }

  return {
    introduce(whom) {
      identity = whom;
    },
    capture(call, namespace) {
      try {
        definition = readDefinition(namespace.default);
        host.reply(call, resultText(definition.shape));
      } catch (thrown) {
        const { code, message, stack, className } = describeThrown(thrown);
        host.fail(call, code, message, stack, className);
      }
    },
    dispatch(call, text) {
      const target = targetIn(text);
      const stream = target.kind === 'stream' ? streams.controlOf(target.name) : undefined;
      const control = stream ?? createAbortControl();
      open[call] = control;
      void answer(call, control, target);
    },
    cancel(call) {
      const control = open[call];
      delete open[call];
      control?.abort(hostError('E_LIMIT_WALL', 'the host no longer waits for this call'));
    },
  };
}

/** What `dispatchText` of the runner has put together. */
function targetIn(text: string): Target {
  const first = indexOfText(text, '\n');
  const second = indexOfText(text, '\n', first + 1);
  const third = indexOfText(text, '\n', second + 1);
  return {
    kind: sliceText(text, 0, first),
    name: sliceText(text, first + 1, second),
    context: sliceText(text, second + 1, third),
    payload: sliceText(text, third + 1),
  };
}

/** Serialised here because `toJSON` is guest code and must run inside the timed window. */
function resultText(result: unknown): string {
  const text = stringifyJson(result) ?? 'null';
  // A lower bound of its bytes; the runner counts the bytes themselves.
  if (text.length > MAX_PAYLOAD_BYTES) throw hostError('E_LIMIT_OUTPUT', 'the result is larger than allowed');
  return text;
}
