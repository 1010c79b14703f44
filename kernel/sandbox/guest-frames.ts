import { ProtocolError } from '../../manifests/protocol/codec.ts';
import type { CellFrame, HostFrame, RequestContext, WireError } from '../../manifests/protocol/frames.ts';
import { MAX_LOGS_PER_SECOND } from '../../manifests/protocol/limits.ts';
import { MagError } from '../errors.ts';
import type { Logger } from '../ports.ts';
import type { CallTable } from './call-table.ts';
import type { CellOwner } from './cell.ts';
import { guestError } from './guest-error.ts';
import { HostCallDesk } from './host-call-desk.ts';
import { Bucket, Rate } from './rate.ts';
import { Usage } from './usage.ts';

type Frame<T extends CellFrame['t']> = Extract<CellFrame, { t: T }>;

/** Whose cell it is. */
export interface Assignment {
  readonly owner: CellOwner;
  readonly hostCallsPerSecond: number;
  /** Where calls and what is refused are counted. */
  readonly usage?: Usage;
}

export interface GuestFramesOptions extends Assignment {
  readonly calls: CallTable;
  readonly logger: Logger;
  /** Aborted when the cell is dead. */
  readonly alive: AbortSignal;
  readonly send: (frame: HostFrame) => boolean;
}

/** A cell limits its log lines itself; its seconds and these do not begin at the same time. */
const WRITTEN_PER_SECOND = MAX_LOGS_PER_SECOND * 2;
/** What a cell that limits itself cannot reach, however long this host was busy with something else. */
const FLOOD_BURST = MAX_LOGS_PER_SECOND * 10;
const FLOOD_PER_SECOND = MAX_LOGS_PER_SECOND * 5;

/** What a cell says about its calls, taken in the light of what the host knows about them. */
export class GuestFrames {
  readonly #options: GuestFramesOptions;
  readonly #written = new Rate(WRITTEN_PER_SECOND);
  readonly #flood = new Bucket(FLOOD_BURST, FLOOD_PER_SECOND);
  readonly #usage: Usage;
  readonly #desk: HostCallDesk;

  constructor(options: GuestFramesOptions) {
    const { hostCallsPerSecond: perSecond, owner, logger, send, usage = new Usage() } = options;
    this.#options = options;
    this.#usage = usage;
    this.#desk = new HostCallDesk({ owner, logger, perSecond, send, usage });
  }

  /** @throws ProtocolError for what nobody asked for */
  receive(frame: Frame<'ack' | 'reply' | 'host-call' | 'log' | 'refused' | 'credit'>): void {
    if (frame.t === 'ack') this.#ack(frame);
    else if (frame.t === 'reply') this.#reply(frame);
    else if (frame.t === 'host-call') this.#hostCall(frame);
    else if (frame.t === 'log') this.#log(frame);
    else if (frame.t === 'refused') this.#refused(frame);
  }

  #ack(frame: Frame<'ack'>): void {
    if (this.#options.calls.acknowledge(frame.id)) return;
    throw new ProtocolError('an acknowledgement nobody waits for');
  }

  #reply(frame: Frame<'reply'>): void {
    const { calls } = this.#options;
    const call = calls.lookup(frame.id);
    if (call === 'given-up') {
      calls.forget(frame.id);
      return;
    }
    if (typeof call !== 'object') throw new ProtocolError('a reply nobody waits for');
    calls.close(call);
    if ('value' in frame) {
      call.resolve(frame.value);
      return;
    }
    this.#logGuestError(frame.error, call.request);
    const error = guestError(this.#cleaned(frame.error), call.refused);
    // What the host refused it with is counted where it was refused.
    if (error.code === frame.error.code && call.refused?.has(error.code) !== true)
      this.#usage.ended(error.code);
    call.reject(error);
  }

  #cleaned(error: WireError): WireError {
    const { owner } = this.#options;
    const clean = (text: string) => owner.clean?.(text) ?? text;
    const stack = error.stack === undefined ? {} : { stack: clean(error.stack) };
    const named = error.class === undefined ? {} : { class: clean(error.class) };
    return { code: clean(error.code), message: clean(error.message), ...stack, ...named };
  }

  #hostCall(frame: Frame<'host-call'>): void {
    const { calls, alive } = this.#options;
    const call = calls.lookup(frame.call);
    if (call === 'never-issued') throw new ProtocolError('a host call on behalf of no call');
    if (call === 'given-up' || call === 'over') {
      this.#desk.refuse(frame.id, new MagError('E_LIMIT_WALL', 'the call this belongs to is over'));
      return;
    }
    if (call === 'lasting') {
      this.#desk.take(frame, { lasting: alive });
      return;
    }
    call.acked = true;
    this.#desk.take(frame, call);
  }

  #log(frame: Frame<'log'>): void {
    const call = this.#options.calls.lookup(frame.call);
    if (call === 'never-issued' && frame.call !== 0) throw new ProtocolError('a log line of no call');
    if (typeof call === 'object') call.acked = true;
    if (!this.#flood.take()) throw new ProtocolError('a flood of log lines');
    const request = typeof call === 'object' ? call.request : null;
    this.#write(() => this.#options.owner.log(frame.level, frame.message, frame.fields, request));
  }

  #refused({ what, count }: Frame<'refused'>): void {
    if (what === 'logs') this.#usage.logsDropped(count);
    else this.#usage.ended(what, count);
  }

  #logGuestError(error: WireError, request: RequestContext | null): void {
    const fields = JSON.stringify({ code: error.code, class: error.class, stack: error.stack ?? '' });
    this.#write(() => this.#options.owner.log('error', error.message, fields, request));
  }

  /** A fault of whoever keeps the logs must not be blamed on the cell. */
  #write(log: () => void): void {
    if (!this.#written.take()) {
      this.#usage.logsDropped();
      return;
    }
    try {
      log();
    } catch (err) {
      this.#options.logger.error({ err }, 'a log line of an extension was lost');
    }
  }
}
