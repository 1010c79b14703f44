import { MAX_STREAMS } from '../../../manifests/protocol/limits.ts';
import type { AbortControl } from './abort.ts';
import type { CurrentCall } from './current-call.ts';
import { transcode } from './lent.ts';
import {
  asyncIteratorSymbol,
  binaryText,
  bytesIn,
  dictionary,
  parseJson,
  reflectApply,
} from './primordials.ts';
import { hostError } from './wire-error.ts';

type Step = (this: object) => unknown;

/** A body that an endpoint returned piece by piece, until the host has had all of it or wants no more. */
interface OpenStream {
  readonly iterator: object;
  readonly next: Step;
  /** The `ctx` it was made with works for whatever call asks for the next piece. */
  readonly account: CurrentCall;
  readonly control: AbortControl;
}

export interface GuestStreams {
  /** What an endpoint answers: with the number of a stream in the place of a body that is iterated over. */
  answerOf(result: unknown, account: CurrentCall, control: AbortControl): unknown;
  /** Whom the host tells when it gives a call for a stream up. */
  controlOf(id: string): AbortControl | undefined;
  /** Does what the host asks of a stream: the next piece, or its end. On account of a call. */
  serve(id: string, call: number, payload: string): Promise<unknown>;
}

export function createStreams(): GuestStreams {
  const open = dictionary<OpenStream>();
  let count = 0;
  let lastId = 0;

  function close(id: string): void {
    if (open[id] === undefined) return;
    delete open[id];
    count--;
  }

  async function end(id: string): Promise<null> {
    const stream = open[id];
    if (stream === undefined) return null;
    close(id);
    stream.control.abort(hostError('E_LIMIT_WALL', 'nobody reads this stream any more'));
    const finish = (stream.iterator as { readonly return?: Step }).return;
    if (typeof finish === 'function') await reflectApply(finish, stream.iterator, []);
    return null;
  }

  /** One that fails stays open: the host ends it. */
  async function next(id: string, { iterator, next: step }: OpenStream): Promise<unknown> {
    const { done, value } = (await reflectApply(step, iterator, [])) as { done?: unknown; value?: unknown };
    if (!done) return pieceOf(value);
    close(id);
    return { __proto__: null, done: true };
  }

  return {
    answerOf(result, account, control) {
      const made = iteratorOf(result);
      if (made === undefined) return result;
      if (count >= MAX_STREAMS) throw hostError('E_LIMIT_RATE', `more than ${MAX_STREAMS} streams at once`);
      const { status, headers } = result as { readonly status?: unknown; readonly headers?: unknown };
      lastId++;
      count++;
      open[lastId] = { ...made, account, control };
      return { __proto__: null, status, headers, stream: lastId };
    },
    controlOf: (id) => open[id]?.control,
    async serve(id, call, payload) {
      const stream = open[id];
      if (stream !== undefined) stream.account.call = call;
      if (parseJson(payload) === 'end') return end(id);
      if (stream === undefined) throw hostError('E_EXTENSION', 'there is no such stream');
      return next(id, stream);
    },
  };
}

function iteratorOf(result: unknown): Pick<OpenStream, 'iterator' | 'next'> | undefined {
  const body =
    typeof result === 'object' && result !== null ? (result as { body?: unknown }).body : undefined;
  if (typeof body !== 'object' || body === null) return undefined;
  const iterate = (body as { readonly [asyncIteratorSymbol]?: unknown })[asyncIteratorSymbol];
  if (typeof iterate !== 'function') return undefined;
  const iterator = reflectApply(iterate as Step, body, []);
  const next =
    typeof iterator === 'object' && iterator !== null ? (iterator as { next?: unknown }).next : null;
  if (typeof next !== 'function')
    throw hostError('E_EXTENSION', 'the body of the answer cannot be iterated over');
  return { iterator: iterator as object, next: next as Step };
}

function pieceOf(value: unknown): unknown {
  if (typeof value === 'string') return { __proto__: null, text: value };
  const bytes = bytesIn(value);
  if (bytes === undefined) throw hostError('E_EXTENSION', 'a piece of a stream is neither text nor bytes');
  return { __proto__: null, bytes: transcode(binaryText(bytes), 'latin1', 'base64') };
}
