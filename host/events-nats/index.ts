import type { Clock, Logger } from '../../kernel/ports.ts';
import { type EventEngine, readPage } from '../storage/event-engine.ts';
import { NatsHeads } from './heads.ts';
import { NatsLink } from './link.ts';
import { NatsPublisher } from './publisher.ts';
import { NatsReader } from './reader.ts';
import { degradationOf, ensureStream } from './stream.ts';
import { Subjects } from './subjects.ts';

export { unusable } from './link.ts';

/** The event log in NATS JetStream (spec 05). */
export interface NatsEvents extends EventEngine {
  /** What keeps the log from what spec 05 promises now; `null`: nothing that can be seen. */
  degradation(): string | null;
}

export interface NatsEventsOptions {
  /** `nats://` or `tls://`, separated by commas. */
  readonly url: string;
  readonly replicas: number;
  readonly logger: Logger;
  readonly clock?: Clock;
  /** Default `MAG_EVENTS`. */
  readonly stream?: string;
  /** The first tokens of all subjects. Default `mag.events`. */
  readonly prefix?: string;
  /**
   * How often it looks for events that nobody told of: the host that stored them died, or is none of ours.
   * Default 5,000.
   */
  readonly lookEveryMs?: number;
}

/** @throws `E_CONFIG` when the servers cannot be used, `E_STORAGE` when they stop to answer; nothing is left open */
export async function openNatsEvents(options: NatsEventsOptions): Promise<NatsEvents> {
  const { url, replicas, logger, stream = 'MAG_EVENTS', lookEveryMs = 5_000 } = options;
  const { clock = { now: () => new Date() } } = options;
  const subjects = new Subjects(options.prefix ?? 'mag.events');
  const link = await NatsLink.open(url, logger);
  try {
    const info = await ensureStream(link.manager, stream, subjects, replicas);
    const reader = new NatsReader({ link, stream, subjects, logger });
    const heads = new NatsHeads({ link, stream, subjects, reader, logger, lookEveryMs });
    const onStored = (component: string, sequence: number) => heads.stored(component, sequence);
    const publisher = new NatsPublisher({ link, stream, subjects, clock, onStored });
    await heads.open();
    const unsafe = degradationOf(info);
    let closing: Promise<void> | null = null;
    const reading: Pick<EventEngine, 'heads' | 'read'> = {
      heads: async () => heads.all(),
      async read(component, after, limit, types) {
        await heads.requireReached(component, after);
        return reader.read(component, after, limit, types);
      },
    };
    return {
      ...reading,
      page: (...asked) => readPage(reading, ...asked),
      // A stream that was deleted and made again counts from 1 again.
      logId: `nats:${stream}:${info.created}`,
      degradation: () => (link.connected ? unsafe : 'The connection to NATS is lost; publishing fails.'),
      append: (events) => publisher.append(events),
      check: (event) => publisher.check(event),
      latest: (filter) => reader.latest(filter),
      firstFrom: (component, from) => reader.firstFrom(component, from),
      onAppend: (listener) => heads.onAppend(listener),
      close() {
        closing ??= publisher.drained().then(async () => {
          await heads.close();
          await link.close();
        });
        return closing;
      },
    };
  } catch (failure) {
    await link.close();
    throw failure;
  }
}
