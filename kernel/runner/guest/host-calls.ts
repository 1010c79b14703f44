import type { HostFunctions } from './host-functions.ts';
import { dictionary, GuestPromise, ownKeys, parseJson, stringifyJson } from './primordials.ts';
import { hostError } from './wire-error.ts';

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

export interface HostCaller {
  /** Any row of the call table: the host decides. Rejects with an Error that carries the host's `code`. */
  ask(call: number, name: string, params: object): Promise<unknown>;
  settle(id: number, value: string): void;
  settleError(id: number, code: string, message: string): void;
}

/** Text for refusals that never left the cell. */
const REFUSED: Readonly<Record<string, string>> = {
  E_LIMIT_OUTPUT: 'the parameters of a host call are larger than allowed',
  E_LIMIT_RATE: 'too many host calls wait for an answer',
};

/** So that a `toJSON` on a prototype is not asked for the parameters themselves. */
function withoutPrototype(params: object): object {
  const copy = dictionary<unknown>();
  const keys = ownKeys(params);
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i] as string;
    copy[key] = (params as Record<string, unknown>)[key];
  }
  return copy;
}

export function createHostCaller(host: HostFunctions): HostCaller {
  const waiting = dictionary<Waiting>();
  let lastId = 0;

  function take(id: number): Waiting | undefined {
    const entry = waiting[id];
    delete waiting[id];
    return entry;
  }

  return {
    ask(call, name, params) {
      return new GuestPromise((resolve, reject) => {
        // Throws on what is not JSON, which rejects the promise.
        const text = stringifyJson(withoutPrototype(params)) ?? 'null';
        const id = ++lastId;
        const refused = host.hostCall(id, call, name, text);
        if (refused !== '') reject(hostError(refused, REFUSED[refused] ?? 'the host call was refused'));
        else waiting[id] = { resolve, reject };
      });
    },
    settle(id, value) {
      take(id)?.resolve(parseJson(value));
    },
    settleError(id, code, message) {
      take(id)?.reject(hostError(code, message));
    },
  };
}
