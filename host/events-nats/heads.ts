import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { MagError, messageOf } from '../../kernel/errors.ts';
import type { Logger } from '../../kernel/ports.ts';
import type { NatsLink } from './link.ts';
import type { NatsReader } from './reader.ts';
import type { Subjects } from './subjects.ts';

/** Other hosts hear of events at most this often, and ask what is new at most this often. */
const TELL_EVERY_MS = 20;
const MAX_NAMED = 20;

type Listener = (components: readonly string[]) => void;

/**
 * The highest number of every component, and who is to be woken when one rises. A head is what the leader of the
 * stream has acknowledged or shown, so that reading never ends below it; what other hosts say is only a hint to
 * ask.
 */
export class NatsHeads {
  readonly #link: NatsLink;
  readonly #stream: string;
  readonly #subjects: Subjects;
  readonly #reader: NatsReader;
  readonly #logger: Logger;
  readonly #lookEveryMs: number;
  readonly #host = randomUUID();
  readonly #heads = new Map<string, number>();
  readonly #listeners = new Set<Listener>();
  readonly #closing = new AbortController();
  /** Risen, and not yet told of here. */
  readonly #risen = new Set<string>();
  /** Stored here, and not yet told of to other hosts. */
  readonly #untold = new Set<string>();
  /** Named by other hosts, and not yet asked for. */
  readonly #named = new Set<string>();
  /** Other hosts have stored more than they can name. */
  #unnamed = false;
  #telling: Promise<void> | null = null;
  #asking: Promise<void> | null = null;
  #looking: Promise<void> | null = null;
  /** The last number of the stream when all heads were asked for. */
  #seen = 0;

  constructor(options: {
    link: NatsLink;
    stream: string;
    subjects: Subjects;
    reader: NatsReader;
    logger: Logger;
    lookEveryMs: number;
  }) {
    this.#link = options.link;
    this.#stream = options.stream;
    this.#subjects = options.subjects;
    this.#reader = options.reader;
    this.#logger = options.logger;
    this.#lookEveryMs = options.lookEveryMs;
  }

  /** @throws `E_STORAGE` */
  async open(): Promise<void> {
    this.#link.connection.subscribe(this.#subjects.wake, {
      callback: (failure, message) => {
        if (failure === null) this.#heard(message.string());
      },
    });
    await this.#look();
    this.#link.onChange((connected) => {
      if (connected) void this.#lookAgain();
    });
    this.#looking = this.#keepLooking();
  }

  all(): Map<string, number> {
    return new Map(this.#heads);
  }

  /**
   * To be asked before reading above `after`: a server that has just come to lead the stream, or does not know yet
   * that it leads no more, says "nothing more" of what it has not got, and a reader would step over it.
   * @throws `E_STORAGE` when the stream is behind what this host knows of it
   */
  async requireReached(component: string, after: number): Promise<void> {
    const head = this.#heads.get(component) ?? 0;
    if (head <= after || (await this.#reader.reaches(component, head))) return;
    throw new MagError(
      'E_STORAGE',
      'the event log in NATS: the server that leads the stream is behind; or the stream was made again, then this host has to be restarted',
    );
  }

  onAppend(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /** The server has acknowledged an event of this host. Never throws. */
  stored(component: string, sequence: number): void {
    this.#raise(component, sequence);
    this.#untold.add(component);
    if (!this.#closing.signal.aborted) this.#telling ??= this.#tell();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#listeners.clear();
    await Promise.all([this.#telling, this.#asking, this.#looking]);
  }

  #raise(component: string, sequence: number): void {
    if (sequence <= (this.#heads.get(component) ?? 0)) return;
    this.#heads.set(component, sequence);
    if (this.#risen.size === 0) setImmediate(() => this.#wake());
    this.#risen.add(component);
  }

  #wake(): void {
    const components = [...this.#risen];
    this.#risen.clear();
    if (components.length === 0) return;
    for (const listener of this.#listeners) {
      try {
        listener(components);
      } catch (error) {
        this.#logger.error({ err: error }, 'a listener to new events failed');
      }
    }
  }

  async #tell(): Promise<void> {
    while (this.#untold.size > 0) {
      const named = [...this.#untold];
      this.#untold.clear();
      const components = named.length > MAX_NAMED ? [] : named;
      if (this.#link.connected)
        this.#link.connection.publish(this.#subjects.wake, JSON.stringify({ host: this.#host, components }));
      await this.#pause(TELL_EVERY_MS);
    }
    this.#telling = null;
  }

  #heard(text: string): void {
    const { host, components } = parse(text);
    if (host === this.#host || this.#closing.signal.aborted) return;
    for (const name of components) this.#named.add(name);
    this.#unnamed ||= components.length === 0;
    this.#asking ??= this.#ask();
  }

  async #ask(): Promise<void> {
    while (this.#named.size > 0 || this.#unnamed) {
      const names = [...this.#named];
      this.#named.clear();
      const asked = this.#unnamed ? this.#look() : this.#askFor(names);
      this.#unnamed = false;
      await asked.catch((failure: unknown) => this.#late(failure));
      await this.#pause(TELL_EVERY_MS);
    }
    this.#asking = null;
  }

  async #askFor(components: readonly string[]): Promise<void> {
    await Promise.all(
      components.map(async (component) => this.#raise(component, await this.#reader.head(component))),
    );
  }

  async #keepLooking(): Promise<void> {
    for (;;) {
      await this.#pause(this.#lookEveryMs);
      if (this.#closing.signal.aborted) return;
      if (this.#link.connected) await this.#look().catch((failure: unknown) => this.#late(failure));
    }
  }

  /** What came while the connection was lost; and whoever failed to read meanwhile may try again. */
  async #lookAgain(): Promise<void> {
    await this.#look().catch((failure: unknown) => this.#late(failure));
    for (const component of this.#heads.keys()) this.#risen.add(component);
    this.#wake();
  }

  /** Asks for every head, when there is anything new in the stream. */
  async #look(): Promise<void> {
    const state = async (options?: { subjects_filter: string }) =>
      (await this.#link.ask(({ streams }) => streams.info(this.#stream, options))).state;
    const { last_seq } = await state();
    if (last_seq <= this.#seen) return;
    const { subjects = {} } = await state({ subjects_filter: this.#subjects.all });
    const names = Object.keys(subjects).map((subject) => this.#subjects.componentOf(subject));
    await this.#askFor([...new Set(names.filter((name) => name !== null))]);
    this.#seen = last_seq;
  }

  #late(failure: unknown): void {
    if (this.#closing.signal.aborted) return;
    this.#logger.warn({ reason: messageOf(failure) }, 'this host hears late of new events');
  }

  async #pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#closing.signal }).catch(() => {});
  }
}

/** Whoever may use the servers may say anything: what is not as we write it makes this host ask for everything. */
function parse(text: string): { host: string; components: string[] } {
  try {
    const value: unknown = JSON.parse(text);
    if (value !== null && typeof value === 'object' && 'host' in value && 'components' in value) {
      const { host, components } = value;
      if (typeof host === 'string' && Array.isArray(components))
        return {
          host,
          components: components.filter((name) => typeof name === 'string').slice(0, MAX_NAMED),
        };
    }
  } catch {
    // Not ours; answered below.
  }
  return { host: '', components: [] };
}
