import { hash } from 'node:crypto';
import type { Credential } from './ports.ts';

/** How long an answer of the store is believed: a revocation on another host holds after this. */
const BELIEVED_MS = 1_000;
/** Answers kept at most, so that guessing tokens does not fill the memory. */
const MAX_KEPT = 10_000;
/** Longer than any token this host hands out. */
const MAX_TOKEN_CHARS = 512;
const BEARER = /^bearer +([\x21-\x7e]+) *$/i;

export interface Authenticator {
  /**
   * Who sends this `Authorization` header: `null` for none, a malformed one, and a token that is unknown,
   * expired or revoked. Answers from memory when it asked the store within the last second. `mayAsk` is awaited
   * before the store is asked for a token that was not good here before; what it throws is thrown on.
   */
  authenticate(
    authorization: string | undefined,
    mayAsk?: () => Promise<void>,
  ): Credential | null | Promise<Credential | null>;
  /** Believes nothing from before: called when a token was revoked here. */
  forget(): void;
  /** Calls back after `forget`. */
  onForget(listener: () => void): void;
}

interface Answer {
  readonly believedUntil: number;
  /** `undefined` while the store is being asked. */
  record: Credential | null | undefined;
  readonly asked: Promise<Credential | null>;
}

/** What knows credentials by their text. */
export interface Credentials {
  authenticate(text: string): Promise<Credential | null>;
}

/** Puts a short memory before the stores: every request asks it. Texts are kept as hashes only. */
export function createAuthenticator(credentials: Credentials, now: () => number = Date.now): Authenticator {
  let answers = new Map<string, Answer>();
  /** Tokens that were good when they were last asked for. */
  const good = new Set<string>();
  const listeners: (() => void)[] = [];

  function ask(key: string, token: string): Promise<Credential | null> {
    if (answers.size >= MAX_KEPT) answers = new Map();
    const kept = answers;
    const asked = credentials.authenticate(token);
    const answer: Answer = { believedUntil: now() + BELIEVED_MS, record: undefined, asked };
    kept.set(key, answer);
    asked.then(
      (record) => {
        answer.record = record;
        if (record === null) good.delete(key);
        else remember(good, key);
      },
      () => kept.delete(key), // a failure is told to who asked, and not remembered
    );
    return asked;
  }

  return {
    authenticate(authorization, mayAsk) {
      const token = authorization === undefined ? undefined : BEARER.exec(authorization)?.[1];
      if (token === undefined || token.length > MAX_TOKEN_CHARS) return null;
      const key = hash('sha256', token, 'base64');
      const known = answers.get(key);
      if (known === undefined || known.believedUntil <= now()) {
        const asked =
          mayAsk === undefined || good.has(key) ? ask(key, token) : mayAsk().then(() => ask(key, token));
        return asked.then((record) => living(record, now()));
      }
      if (known.record === undefined) return known.asked.then((record) => living(record, now()));
      return living(known.record, now());
    },
    forget() {
      answers = new Map();
      for (const listener of listeners) listener();
    },
    onForget(listener) {
      listeners.push(listener);
    },
  };
}

/** Those that came first are forgotten first. */
function remember(keys: Set<string>, key: string): void {
  keys.add(key);
  const [oldest] = keys;
  if (keys.size > MAX_KEPT && oldest !== undefined) keys.delete(oldest);
}

function living(record: Credential | null, now: number): Credential | null {
  return record?.expiresAt && record.expiresAt.getTime() <= now ? null : record;
}
