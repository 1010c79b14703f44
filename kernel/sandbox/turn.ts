import type { GuestTarget } from '../../manifests/protocol/frames.ts';
import type { InvokeOptions } from './cell.ts';
import { CallNotTaken } from './death.ts';

/** A call as text. */
export interface TextCall {
  readonly target: GuestTarget;
  readonly payload: string;
  readonly options: InvokeOptions;
}

/** Calls into one cell that are made one after the other, and sent without waiting for each other. */
export class Turn {
  /** The id of the call that was sent last; `null`: it could not be sent, and nothing may be behind it. */
  after: number | null | undefined;
  /** Settles with that call. */
  before: Promise<unknown> | undefined;

  /** A call was sent, or could not be. @returns the same */
  noted(id: number, isSent: boolean): boolean {
    this.after = isSent ? id : null;
    return isSent;
  }

  /** Sends the next call. What is behind a call that failed rejects with `CallNotTaken`, after that one. */
  take(send: () => Promise<string>): Promise<string> {
    const { before } = this;
    const reply = send();
    reply.catch(() => undefined); // whoever waits for its turn is told
    const inTurn = before?.then(
      () => reply,
      () => Promise.reject(new CallNotTaken()),
    );
    this.before = inTurn ?? reply;
    return inTurn ?? reply;
  }
}
