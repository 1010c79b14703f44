import { MagError } from '../../../kernel/errors.ts';
import type { Json, JsonObject } from '../../../manifests/json.ts';
import { objectIn, textIn } from '../answer.ts';
import type { Debugger } from './debugger/debugger.ts';

/** Commands of the DevTools protocol to the cell of an extension. */
export interface DevtoolsClient extends Disposable {
  /** Resolves with the result. @throws `E_CELL_LOST` when the cell ended, `E_INTERNAL` when V8 refused */
  call(method: string, params?: JsonObject): Promise<JsonObject>;
}

/** @throws `E_CELL_LOST` when no cell runs */
export function connectDevtools(target: Debugger): DevtoolsClient {
  const waiting = new Map<number, PromiseWithResolvers<JsonObject>>();
  let lastId = 0;
  const connection = target.connect({
    onMessage: (text) => {
      const message = objectIn(JSON.parse(text) as Json);
      if (typeof message.id === 'number') waiting.get(message.id)?.resolve(message);
    },
    onClose: () => {
      for (const { reject } of waiting.values()) reject(lost());
    },
  });
  if (connection === null) throw lost();
  return {
    async call(method, params = {}) {
      const id = ++lastId;
      const answered = Promise.withResolvers<JsonObject>();
      waiting.set(id, answered);
      connection.send(JSON.stringify({ id, method, params }));
      const answer = await answered.promise;
      waiting.delete(id);
      if (answer.error === undefined) return objectIn(answer.result);
      throw new MagError('E_INTERNAL', `V8 refused ${method}: ${textIn(answer.error, 'message')}`);
    },
    [Symbol.dispose]: () => connection.close(),
  };
}

function lost(): MagError {
  return new MagError('E_CELL_LOST', 'the extension ended');
}
