import { checkCellFrame } from './cell-frame.ts';
import { ProtocolError } from './codec.ts';
import type { CellFrame } from './frames.ts';

/**
 * The frames of a cell in debug mode, on top of the ordinary ones. A cell of any other host that sends one
 * sends a frame of no known type. Messages are those of the Chrome DevTools protocol, which may be longer
 * than a frame and travel in pieces.
 */
export type DebugMessage = {
  readonly t: 'debug';
  /** A debugger that is connected; chosen by the host, never used twice in a cell. */
  readonly session: number;
  readonly text: string;
  /** The piece completes the message. */
  readonly last: boolean;
};

/** Host to cell. */
export type HostDebugFrame =
  | { readonly t: 'debug-open'; readonly session: number }
  | { readonly t: 'debug-close'; readonly session: number }
  | DebugMessage;

/** Characters of a message that fit a frame however they are escaped. */
const PART_CHARS = 100_000;
const MEMBERS = 4;

/** The frames one message takes. */
export function debugFrames(session: number, message: string): DebugMessage[] {
  const frames: DebugMessage[] = [];
  let at = 0;
  for (; message.length - at > PART_CHARS; at += PART_CHARS) {
    frames.push({ t: 'debug', session, text: message.slice(at, at + PART_CHARS), last: false });
  }
  return [...frames, { t: 'debug', session, text: message.slice(at), last: true }];
}

/**
 * The closed schema of what a cell in debug mode may send.
 * @throws ProtocolError
 */
export function checkDebugCellFrame(value: unknown): CellFrame | DebugMessage {
  const isObject = value !== null && typeof value === 'object';
  const fields = new Map<string, unknown>(isObject ? Object.entries(value) : []);
  if (fields.get('t') !== 'debug') return checkCellFrame(value);
  const [session, text, last] = [fields.get('session'), fields.get('text'), fields.get('last')];
  const whole =
    fields.size === MEMBERS &&
    typeof session === 'number' &&
    Number.isSafeInteger(session) &&
    typeof text === 'string' &&
    text.length <= PART_CHARS &&
    typeof last === 'boolean';
  if (!whole) throw new ProtocolError('a malformed message of the debugger');
  return { t: 'debug', session, text, last };
}
