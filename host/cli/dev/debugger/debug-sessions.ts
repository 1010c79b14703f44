import { ProtocolError } from '../../../../manifests/protocol/codec.ts';
import {
  type DebugMessage,
  debugFrames,
  type HostDebugFrame,
} from '../../../../manifests/protocol/debug-frame.ts';
import type { DebugConnection, DebugEvents } from './debugger.ts';

interface Session {
  readonly events: DebugEvents;
  unfinished: string;
}

/** Characters of one message: a heap snapshot comes in pieces, a script with its map is the longest. */
const MAX_MESSAGE_CHARS = 64 * 1_048_576;

/** The debuggers on one cell. */
export class DebugSessions {
  readonly #send: (frame: HostDebugFrame) => void;
  readonly #sessions = new Map<number, Session>();
  #lastId = 0;

  constructor(send: (frame: HostDebugFrame) => void) {
    this.#send = send;
  }

  open(events: DebugEvents): DebugConnection {
    const id = ++this.#lastId;
    this.#sessions.set(id, { events, unfinished: '' });
    this.#send({ t: 'debug-open', session: id });
    return {
      send: (message) => {
        if (!this.#sessions.has(id)) return;
        for (const frame of debugFrames(id, message)) this.#send(frame);
      },
      close: () => {
        if (this.#sessions.delete(id)) this.#send({ t: 'debug-close', session: id });
      },
    };
  }

  /** @throws ProtocolError for a session there never was, or a message without an end */
  receive({ session: id, text, last }: DebugMessage): void {
    if (id < 1 || id > this.#lastId) throw new ProtocolError('a message to no debugger');
    const session = this.#sessions.get(id);
    if (session === undefined) return; // it has left
    const message = session.unfinished + text;
    if (message.length > MAX_MESSAGE_CHARS) throw new ProtocolError('a message of the debugger without end');
    session.unfinished = last ? '' : message;
    if (last) session.events.onMessage(message);
  }

  closeAll(): void {
    const sessions = [...this.#sessions.values()];
    this.#sessions.clear();
    for (const { events } of sessions) events.onClose();
  }
}
