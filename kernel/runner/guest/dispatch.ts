import type { GuestCallContext } from '../../../manifests/protocol/frames.ts';
import { MAX_PAYLOAD_BYTES } from '../../../manifests/protocol/limits.ts';
import type { Context } from '../../../manifests/sdk/host-api.ts';
import { type AbortControl, createAbortControl } from './abort.ts';
import { createContext, freezeJson } from './context.ts';
import { type Definition, readDefinition } from './definition.ts';
import type { HostCaller } from './host-calls.ts';
import type { HostFunctions } from './host-functions.ts';
import type { LogLine } from './log.ts';
import { dictionary, parseJson, stringifyJson } from './primordials.ts';
import { describeThrown, hostError } from './wire-error.ts';

export interface DispatchParts {
  readonly host: HostFunctions;
  readonly caller: HostCaller;
  readonly log: LogLine;
  readonly extension: Context['extension'];
  readonly config: Context['config'];
}

export interface Dispatcher {
  capture(call: number, namespace: { readonly default?: unknown }): void;
  dispatch(call: number, kind: string, name: string, payload: string, context: string): void;
  cancel(call: number): void;
}

/** Runs calls and answers each exactly once, unless the host cancelled it meanwhile. */
export function createDispatcher(parts: DispatchParts): Dispatcher {
  const { host } = parts;
  const open = dictionary<AbortControl>();
  let definition: Definition | null = null;

  async function run(
    call: number,
    control: AbortControl,
    kind: string,
    name: string,
    texts: [string, string],
  ) {
    try {
      if (definition === null) throw hostError('E_EXTENSION', 'the module is not loaded');
      const ctx = contextOf(parts, call, control, texts[1]);
      const result = await definition.call(kind, name, parseJson(texts[0]), ctx);
      const value = resultText(result);
      if (open[call] === control) host.reply(call, value);
    } catch (thrown) {
      const { code, message, stack } = describeThrown(thrown);
      if (open[call] === control) host.fail(call, code, message, stack);
    }
    delete open[call];
  }

  return {
    capture(call, namespace) {
      try {
        definition = readDefinition(namespace.default);
        host.reply(call, resultText(definition.shape));
      } catch (thrown) {
        const { code, message, stack } = describeThrown(thrown);
        host.fail(call, code, message, stack);
      }
    },
    dispatch(call, kind, name, payload, context) {
      const control = createAbortControl();
      open[call] = control;
      void run(call, control, kind, name, [payload, context]);
    },
    cancel(call) {
      const control = open[call];
      delete open[call];
      control?.abort(hostError('E_LIMIT_WALL', 'the host no longer waits for this call'));
    },
  };
}

function contextOf(parts: DispatchParts, call: number, control: AbortControl, text: string): Context {
  const { request } = parseJson(text) as GuestCallContext;
  return createContext({
    call,
    extension: parts.extension,
    config: parts.config,
    request: freezeJson(request),
    signal: control.signal,
    log: parts.log,
    ask: (name, params) => parts.caller.ask(call, name, params),
  });
}

/** Serialised here because `toJSON` is guest code and must run inside the timed window. */
function resultText(result: unknown): string {
  const text = stringifyJson(result) ?? 'null';
  // A lower bound of its bytes; the runner counts the bytes themselves.
  if (text.length > MAX_PAYLOAD_BYTES) throw hostError('E_LIMIT_OUTPUT', 'the result is larger than allowed');
  return text;
}
