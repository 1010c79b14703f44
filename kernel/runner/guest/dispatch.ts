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

  async function answer(call: number, control: AbortControl, work: () => unknown) {
    try {
      const value = resultText(await work());
      if (open[call] === control) host.reply(call, value);
    } catch (thrown) {
      const { code, message, stack, className } = describeThrown(thrown);
      if (open[call] === control) host.fail(call, code, message, stack, className);
    }
    delete open[call];
  }

  async function run(call: number, control: AbortControl, target: [string, string], texts: [string, string]) {
    if (identity === null || definition === null) throw hostError('E_EXTENSION', 'the module is not loaded');
    const account: CurrentCall = { call };
    const { log, caller } = parts;
    const ask: Ask = (name, params) => caller.ask(account.call, name, params);
    const ctx = createContext({ account, identity, text: texts[1], signal: control.signal, log, ask });
    const result = await definition.call(target[0], target[1], parseJson(texts[0]), ctx);
    // A body that nobody waits for any more is not begun.
    const isAnswer = target[0] === 'endpoint' && open[call] === control;
    return isAnswer ? streams.answerOf(result, account, control) : result;
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
      const { kind, name, payload, context } = targetIn(text);
      const control = (kind === 'stream' ? streams.controlOf(name) : undefined) ?? createAbortControl();
      open[call] = control;
      void answer(call, control, () =>
        kind === 'stream'
          ? streams.serve(name, call, payload)
          : run(call, control, [kind, name], [payload, context]),
      );
    },
    cancel(call) {
      const control = open[call];
      delete open[call];
      control?.abort(hostError('E_LIMIT_WALL', 'the host no longer waits for this call'));
    },
  };
}

/** What `dispatchText` of the runner has put together. */
function targetIn(text: string): { kind: string; name: string; context: string; payload: string } {
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
