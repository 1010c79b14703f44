/**
 * What the runner lends the prelude: functions that take and return text and numbers only, and never throw.
 * They live in closures of the prelude; guest code must never hold one.
 */
export interface HostFunctions {
  /** Answers a call: `value` is JSON text. */
  reply(call: number, value: string): void;
  /** Answers a call with an error. */
  fail(call: number, code: string, message: string, stack: string, className: string): void;
  /** Asks the host on behalf of a call; `''`, or the code it was refused with before it left the cell. */
  hostCall(id: number, call: number, name: string, params: string): string;
  log(call: number, level: string, message: string, fields: string): void;
  startTimer(id: number, call: number, delayMs: number, repeat: boolean): void;
  stopTimer(id: number): void;
  /** `count` random bytes as lower-case hex. */
  random(count: number): string;
  /** Whole milliseconds since the isolate was made; never goes back. */
  clock(): number;
  /**
   * Parses a URL as the platform does.
   * @param base left out of account unless `hasBase`
   * @returns JSON of `UrlParts`, or `''` when it is none
   */
  parseUrl(text: string, base: string, hasBase: boolean): string;
  /** Sets a part of a URL as the platform's setter does; returns JSON of `UrlParts`. */
  changeUrl(href: string, part: string, value: string): string;
  /** The same bytes written another way; broken UTF-8 becomes U+FFFD. `''` for an encoding it does not know. */
  transcode(text: string, from: Encoding, to: Encoding): string;
  /** The digest of bytes, one a character, as lower-case hex; `''` for an algorithm it does not know. */
  digest(algorithm: string, binary: string): string;
}

/** `latin1` is one character a byte. */
export type Encoding = 'utf8' | 'latin1' | 'base64';

/** The parts of a URL in this order, the `href` first. */
export const URL_PARTS = [
  'href',
  'origin',
  'protocol',
  'username',
  'password',
  'host',
  'hostname',
  'port',
  'pathname',
  'search',
  'hash',
] as const;
export type UrlParts = readonly string[];

/** Characters of text that the prelude hands to one of these at most, URLs aside. */
export const MAX_LENT_CHARS = 4 * 1_048_576;
/** Characters of a URL. */
export const MAX_URL_CHARS = 65_536;

/** What the runner may enter the guest through. Each catches everything that guest code throws. */
export interface GuestEntries {
  /** Says whom the isolate is for (JSON texts), and in which call the module is evaluated. Once, before it is. */
  introduce(call: number, extension: string, config: string): void;
  /** Takes the definition out of the module and answers the load with its shape. */
  capture(call: number, namespace: { readonly default?: unknown }): void;
  /** @param text four lines: kind and name of the target, context and payload (JSON texts) */
  dispatch(call: number, text: string): void;
  /** Delivers the answer to a host call. */
  settle(id: number, call: number, value: string): void;
  settleError(id: number, call: number, code: string, message: string): void;
  fire(timer: number, call: number): void;
  cancel(call: number): void;
}
