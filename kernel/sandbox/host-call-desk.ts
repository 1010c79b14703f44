import type { Code } from '../../manifests/catalog/index.ts';
import { ProtocolError } from '../../manifests/protocol/codec.ts';
import type { CellFrame, HostFrame } from '../../manifests/protocol/frames.ts';
import { outOfBounds } from '../../manifests/protocol/json-bounds.ts';
import {
  MAX_EVENTS_PER_SECOND,
  MAX_HOST_CALLS_IN_FLIGHT,
  MAX_JSON_DEPTH,
  MAX_PARAM_MEMBERS,
  MAX_PAYLOAD_BYTES,
} from '../../manifests/protocol/limits.ts';
import { MagError, toMagError } from '../errors.ts';
import type { Logger } from '../ports.ts';
import type { PendingCall } from './call-table.ts';
import type { CallOrigin, CellOwner } from './cell.ts';
import { Rate } from './rate.ts';
import type { Usage } from './usage.ts';

type HostCallFrame = Extract<CellFrame, { t: 'host-call' }>;

/** On whose behalf a host call is made: a call in flight, or the lasting context of one that ended. */
export type Asker = PendingCall | { readonly lasting: AbortSignal };

export interface DeskOptions {
  readonly owner: CellOwner;
  readonly perSecond: number;
  readonly logger: Logger;
  readonly send: (frame: HostFrame) => boolean;
  /** Where calls and refusals are counted. */
  readonly usage: Usage;
}

/** Refusals in a second that are answered at once; the guest waits for the others until the second is over. */
const PROMPT_REFUSALS = 100;
/** Characters of an answer that is sent in a turn of the event loop of its own: writing it takes milliseconds. */
const LARGE_CHARS = 65_536;
const BOUNDS = { maxDepth: MAX_JSON_DEPTH, maxMembers: MAX_PARAM_MEMBERS } as const;

/** Takes the host calls of one cell: limits them, has them done, and always answers. */
export class HostCallDesk {
  readonly #options: DeskOptions;
  readonly #rate: Rate;
  readonly #events = new Rate(MAX_EVENTS_PER_SECOND);
  readonly #refusals = new Rate(PROMPT_REFUSALS);
  readonly #inFlight = new Set<number>();
  #turn: Promise<void> = Promise.resolve();

  constructor(options: DeskOptions) {
    this.#options = options;
    this.#rate = new Rate(options.perSecond);
  }

  /** @throws ProtocolError when the id of the call is in use */
  take(frame: HostCallFrame, asker: Asker): void {
    if (this.#inFlight.has(frame.id)) throw new ProtocolError('the id of a host call is in use');
    this.#options.usage.hostCall();
    const refusal = this.#refusal(frame);
    if (refusal === null) void this.#serve(frame, asker);
    else this.#refusePaced(frame.id, refusal, callOf(asker));
  }

  /** Answers with an error without doing anything. */
  refuse(id: number, error: MagError): void {
    this.#refusePaced(id, error, null);
  }

  /** A guest that asks again after every refusal must not make the host refuse as fast as both can. */
  #refusePaced(id: number, error: MagError, call: PendingCall | null): void {
    if (this.#refusals.take()) this.#refuse(id, error, call);
    else setTimeout(() => this.#refuse(id, error, call), this.#refusals.waitMs).unref();
  }

  #refusal({ name, params }: HostCallFrame): MagError | null {
    if (this.#inFlight.size >= MAX_HOST_CALLS_IN_FLIGHT) {
      return new MagError('E_LIMIT_RATE', `more than ${MAX_HOST_CALLS_IN_FLIGHT} host calls at once`);
    }
    if (!this.#rate.take()) {
      return new MagError('E_LIMIT_RATE', `more than ${this.#options.perSecond} host calls in a second`);
    }
    if (name === 'events.publish' && !this.#events.take()) {
      return new MagError('E_LIMIT_RATE', `more than ${MAX_EVENTS_PER_SECOND} events in a second`);
    }
    const reason = outOfBounds(params, BOUNDS);
    if (reason === 'deep') return new MagError('E_PARAMS', 'the parameters are nested too deep');
    if (reason === 'wide') return new MagError('E_LIMIT_OUTPUT', 'the parameters have too many members');
    return null;
  }

  async #serve(frame: HostCallFrame, asker: Asker): Promise<void> {
    const { owner } = this.#options;
    this.#inFlight.add(frame.id);
    try {
      const value = await owner.hostCall(frame.name, frame.params, originOf(asker));
      if (value.length > LARGE_CHARS) await this.#nextTurn();
      this.#inFlight.delete(frame.id);
      this.#answer(frame.id, value, callOf(asker));
    } catch (thrown) {
      this.#inFlight.delete(frame.id);
      if (!(thrown instanceof MagError)) {
        this.#options.logger.error({ err: thrown, call: frame.name }, 'a host call failed');
      }
      this.#refuse(frame.id, toMagError(thrown), callOf(asker));
    }
  }

  /** Resolves in the next turn that no other large answer takes. */
  #nextTurn(): Promise<void> {
    this.#turn = this.#turn.then(() => new Promise((resolve) => setImmediate(resolve)));
    return this.#turn;
  }

  #answer(id: number, value: string, call: PendingCall | null): void {
    const fits = Buffer.byteLength(value) <= MAX_PAYLOAD_BYTES;
    if (fits && this.#options.send({ t: 'host-reply', id, value })) return;
    this.#refuse(id, new MagError('E_LIMIT_OUTPUT', 'the answer is larger than a sandbox may take in'), call);
  }

  #refuse(id: number, error: MagError, call: PendingCall | null): void {
    const code: Code = error.code;
    this.#options.usage.ended(code);
    if (call !== null) {
      call.refused ??= new Map();
      call.refused.set(code, error.message);
    }
    this.#options.send({ t: 'host-reply', id, error: { code, message: error.message.slice(0, 2_000) } });
  }
}

function callOf(asker: Asker): PendingCall | null {
  return 'lasting' in asker ? null : asker;
}

function originOf(asker: Asker): CallOrigin {
  if ('lasting' in asker) return { request: null, signal: asker.lasting, unit: null, chain: [] };
  asker.abort ??= new AbortController();
  const { request, abort, unit, chain } = asker;
  return { request, signal: abort.signal, unit, chain };
}
