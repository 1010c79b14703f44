import { ProtocolError } from '../../manifests/protocol/codec.ts';
import type { CellFrame, RequestContext, WireError } from '../../manifests/protocol/frames.ts';
import { MAX_LOGS_PER_SECOND } from '../../manifests/protocol/limits.ts';
import { MagError } from '../errors.ts';
import type { Logger } from '../ports.ts';
import type { CallTable } from './call-table.ts';
import type { CellOwner } from './cell.ts';
import { guestError } from './guest-error.ts';
import type { HostCallDesk } from './host-call-desk.ts';
import { Rate } from './rate.ts';

type Frame<T extends CellFrame['t']> = Extract<CellFrame, { t: T }>;

export interface GuestFramesOptions {
  readonly calls: CallTable;
  readonly desk: HostCallDesk;
  readonly owner: CellOwner;
  readonly logger: Logger;
  /** Aborted when the cell is dead. */
  readonly alive: AbortSignal;
}

/** A cell limits its log lines itself; one that sends several times as many is cut off here. */
const LOGS_PER_SECOND = MAX_LOGS_PER_SECOND * 5;

/** What a cell says about its calls, taken in the light of what the host knows about them. */
export class GuestFrames {
  readonly #options: GuestFramesOptions;
  readonly #logRate = new Rate(LOGS_PER_SECOND);

  constructor(options: GuestFramesOptions) {
    this.#options = options;
  }

  /** @throws ProtocolError for what nobody asked for */
  receive(frame: Frame<'ack' | 'reply' | 'host-call' | 'log'>): void {
    if (frame.t === 'ack') this.#ack(frame);
    else if (frame.t === 'reply') this.#reply(frame);
    else if (frame.t === 'host-call') this.#hostCall(frame);
    else this.#log(frame);
  }

  #ack(frame: Frame<'ack'>): void {
    const call = this.#options.calls.lookup(frame.id);
    if (typeof call === 'object') call.acked = true;
    else if (call !== 'given-up') throw new ProtocolError('an acknowledgement nobody waits for');
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
    call.reject(guestError(frame.error, call.answered));
  }

  #hostCall(frame: Frame<'host-call'>): void {
    const { calls, desk, alive } = this.#options;
    const call = calls.lookup(frame.call);
    if (call === 'never-issued') throw new ProtocolError('a host call on behalf of no call');
    if (call === 'given-up' || call === 'over') {
      desk.refuse(frame.id, new MagError('E_LIMIT_WALL', 'the call this belongs to is over'));
      return;
    }
    if (call === 'lasting') {
      desk.take(frame, { request: null, signal: alive, call: null });
      return;
    }
    call.acked = true;
    desk.take(frame, { request: call.request, signal: call.abort.signal, call });
  }

  #log(frame: Frame<'log'>): void {
    const call = this.#options.calls.lookup(frame.call);
    if (call === 'never-issued' && frame.call !== 0) throw new ProtocolError('a log line of no call');
    if (typeof call === 'object') call.acked = true;
    if (!this.#logRate.take()) return;
    const request = typeof call === 'object' ? call.request : null;
    this.#write(() => this.#options.owner.log(frame.level, frame.message, frame.fields, request));
  }

  #logGuestError(error: WireError, request: RequestContext | null): void {
    const fields = JSON.stringify({ code: error.code, stack: error.stack ?? '' });
    this.#write(() => this.#options.owner.log('error', error.message, fields, request));
  }

  /** A fault of whoever keeps the logs must not be blamed on the cell. */
  #write(log: () => void): void {
    try {
      log();
    } catch (err) {
      this.#options.logger.error({ err }, 'a log line of an extension was lost');
    }
  }
}
