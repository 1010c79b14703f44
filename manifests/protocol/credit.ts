import { ProtocolError } from './codec.ts';
import type { CellFrame, HostFrame } from './frames.ts';
import { CREDIT_BYTES, CREDIT_PORTION_BYTES } from './limits.ts';

/** Whether a frame takes credit. The others are few by nature: each answers a frame, or has a rate. */
export function takesCredit({ t }: HostFrame | CellFrame): boolean {
  return t === 'call' || t === 'host-reply' || t === 'host-call' || t === 'log';
}

/** What one side may still send. */
export class SendCredit {
  #leftBytes = CREDIT_BYTES;

  /** Whether so much may be sent now; takes it if so. */
  take(bytes: number): boolean {
    if (bytes > this.#leftBytes) return false;
    this.#leftBytes -= bytes;
    return true;
  }

  /** @throws ProtocolError when more is given back than was taken */
  give(bytes: number): void {
    if (bytes > CREDIT_BYTES - this.#leftBytes) throw new ProtocolError('credit for what was never sent');
    this.#leftBytes += bytes;
  }
}

/** What one side has received: how much of it is not worked off, and how much is to be given back. */
export class ReceiveCredit {
  #outBytes = 0;
  #doneBytes = 0;

  /** @throws ProtocolError when it was sent without credit */
  received(bytes: number): void {
    this.#outBytes += bytes;
    if (this.#outBytes > CREDIT_BYTES) throw new ProtocolError('more was sent than there was credit for');
  }

  /** So much is worked off. The bytes to give back now: a portion, or 0. */
  done(bytes: number): number {
    this.#doneBytes += bytes;
    if (this.#doneBytes < CREDIT_PORTION_BYTES) return 0;
    const portion = this.#doneBytes;
    this.#doneBytes = 0;
    this.#outBytes -= portion;
    return portion;
  }
}
