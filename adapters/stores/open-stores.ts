import { MagError } from '../../kernel/errors.ts';
import type { ConnectionParts } from './redis-connection.ts';
import { createRedisStore } from './redis-store.ts';
import { STATE_QUOTA, type StateQuota } from './state-content.ts';
import type { StoreDriver } from './store-driver.ts';
import { BUILT_IN_STORE, type StoreDirectory, type StoreRecord } from './store-record.ts';

/** How long what the directory said is believed: a store that was added, changed or removed is so within a second. */
const FRESH_MS = 500;

interface Open {
  readonly record: StoreRecord;
  readonly driver: StoreDriver;
  believedUntil: number;
}

export interface OpenStoresOptions extends ConnectionParts {
  readonly builtIn: StoreDriver;
  readonly directory: StoreDirectory;
  readonly quota?: StateQuota;
}

/** Drivers by the names of their stores, as the directory has them now. */
export class OpenStores {
  readonly #options: OpenStoresOptions;
  readonly #open = new Map<string, Open>();

  constructor(options: OpenStoresOptions) {
    this.#options = options;
  }

  /** @throws `E_STORE_UNKNOWN`, `E_STORAGE` */
  async driver(name: string): Promise<StoreDriver> {
    if (name === BUILT_IN_STORE) return this.#options.builtIn;
    const known = this.#open.get(name);
    if (known !== undefined && Date.now() < known.believedUntil) return known.driver;
    const record = await this.#options.directory.find(name);
    const current = this.#open.get(name);
    if (record === null) {
      await this.#close(current);
      throw new MagError(
        'E_STORE_UNKNOWN',
        `The host has no store ${name}: mag store:list shows those it has.`,
      );
    }
    if (current !== undefined && isSame(current.record, record)) {
      current.believedUntil = Date.now() + FRESH_MS;
      return current.driver;
    }
    await this.#close(current);
    return this.#start(record);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#open.values()].map((open) => this.#close(open)));
  }

  #start(record: StoreRecord): StoreDriver {
    const { quota = STATE_QUOTA, password, logger } = this.#options;
    const driver = createRedisStore(record, quota, { password, logger });
    this.#open.set(record.name, { record, driver, believedUntil: Date.now() + FRESH_MS });
    return driver;
  }

  async #close(open: Open | undefined): Promise<void> {
    if (open === undefined) return;
    if (this.#open.get(open.record.name) === open) this.#open.delete(open.record.name);
    await open.driver.close();
  }
}

function isSame(one: StoreRecord, other: StoreRecord): boolean {
  const parts = (record: StoreRecord) =>
    [record.kind, record.url, record.username, record.passwordSecret, record.prefix].join('\n');
  return parts(one) === parts(other);
}
