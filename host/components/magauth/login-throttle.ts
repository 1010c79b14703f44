import { toMagError } from '../../../kernel/errors.ts';
import { RateLimited } from '../maggate/rate-limits.ts';
import type { LoginStore } from './ports.ts';

const WINDOW_MS = 15 * 60_000;
/** Tries that fail in a window: from one address, and at being one principal from wherever. */
const MAX_OF_ADDRESS = 30;
const MAX_OF_PRINCIPAL = 10;
/** Logins that are begun from one address and need not end. */
const MAX_BEGUN = 300;

/** What a try at logging in is counted by. */
export interface LoginTry {
  readonly address: string;
  /** Whom somebody says to be, at which provider; `null`: not known before the provider answers. */
  readonly principal: string | null;
}

/** Throttles guessing, over all hosts: every try counts before it is made. One that is good is
 * taken back, and one that failed on our side or the provider's. */
export class LoginThrottle {
  readonly #store: LoginStore;

  constructor(store: LoginStore) {
    this.#store = store;
  }

  /** @throws `RateLimited` */
  async begin(address: string): Promise<void> {
    await this.#count(`begun ${address}`, MAX_BEGUN);
  }

  /** Makes a try, unless there were too many that failed. @throws `RateLimited`, and what `login` throws */
  async attempt<Result>({ address, principal }: LoginTry, login: () => Promise<Result>): Promise<Result> {
    const ofAddress = `address ${address}`;
    const ofPrincipal = principal === null ? null : `principal ${principal}`;
    await this.#count(ofAddress, MAX_OF_ADDRESS);
    if (ofPrincipal !== null) await this.#count(ofPrincipal, MAX_OF_PRINCIPAL);
    let result: Result;
    try {
      result = await login();
    } catch (failure) {
      if (toMagError(failure).status >= 500) {
        await this.#store.succeeded(ofAddress, { all: false });
        if (ofPrincipal !== null) await this.#store.succeeded(ofPrincipal, { all: false });
      }
      throw failure;
    }
    await this.#store.succeeded(ofAddress, { all: false });
    if (ofPrincipal !== null) await this.#store.succeeded(ofPrincipal, { all: true });
    return result;
  }

  async #count(key: string, max: number): Promise<void> {
    const { count, seconds } = await this.#store.attempt(key, WINDOW_MS);
    if (count > max) throw new RateLimited(Math.max(1, seconds));
  }
}
