import { hash } from 'node:crypto';
import type { TokenRecord, TokenStore } from './ports.ts';

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
   * expired or revoked. Answers from memory when it asked the store within the last second.
   */
  authenticate(authorization: string | undefined): TokenRecord | null | Promise<TokenRecord | null>;
  /** Believes nothing from before: called when a token was revoked here. */
  forget(): void;
}

interface Answer {
  readonly believedUntil: number;
  /** `undefined` while the store is being asked. */
  record: TokenRecord | null | undefined;
  readonly asked: Promise<TokenRecord | null>;
}

/** Puts a short memory before the token store: every request asks it. Tokens are kept as hashes only. */
export function createAuthenticator(tokens: TokenStore, now: () => number = Date.now): Authenticator {
  let answers = new Map<string, Answer>();

  function ask(key: string, token: string): Promise<TokenRecord | null> {
    if (answers.size >= MAX_KEPT) answers = new Map();
    const kept = answers;
    const asked = tokens.authenticate(token);
    const answer: Answer = { believedUntil: now() + BELIEVED_MS, record: undefined, asked };
    kept.set(key, answer);
    asked.then(
      (record) => {
        answer.record = record;
      },
      () => kept.delete(key), // a failure is told to who asked, and not remembered
    );
    return asked;
  }

  return {
    authenticate(authorization) {
      const token = authorization === undefined ? undefined : BEARER.exec(authorization)?.[1];
      if (token === undefined || token.length > MAX_TOKEN_CHARS) return null;
      const key = hash('sha256', token, 'base64');
      const known = answers.get(key);
      if (known === undefined || known.believedUntil <= now()) {
        return ask(key, token).then((record) => living(record, now()));
      }
      if (known.record === undefined) return known.asked.then((record) => living(record, now()));
      return living(known.record, now());
    },
    forget() {
      answers = new Map();
    },
  };
}

function living(record: TokenRecord | null, now: number): TokenRecord | null {
  return record?.expiresAt && record.expiresAt.getTime() <= now ? null : record;
}
