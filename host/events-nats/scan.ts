import { AckPolicy, DeliverPolicy, type JsMsg, ReplayPolicy } from '@nats-io/jetstream';
import { nanos } from '@nats-io/transport-node';
import { type NatsLink, storageError } from './link.ts';

/** Messages the server may send ahead. */
const AHEAD = 512;
const PAUSE_MS = 1_000;
const FORGOTTEN_MS = 30_000;

/**
 * The headers of the messages from a number on, in order, by a consumer of its own: quick, and it may end before
 * the end, on a server that is behind or when the connection is lost.
 * @throws `E_STORAGE`
 */
export async function* scan(options: {
  link: NatsLink;
  stream: string;
  filter: string;
  sequence: number;
}): AsyncGenerator<JsMsg> {
  const { link, stream, filter, sequence } = options;
  const { consumers } = link.manager;
  try {
    const info = await link.ask(() =>
      consumers.add(stream, {
        filter_subject: filter,
        deliver_policy: DeliverPolicy.StartSequence,
        opt_start_seq: Math.max(sequence, 1),
        ack_policy: AckPolicy.None,
        replay_policy: ReplayPolicy.Instant,
        headers_only: true,
        mem_storage: true,
        inactive_threshold: nanos(FORGOTTEN_MS),
      }),
    );
    try {
      const consumer = link.manager.jetstream().consumers.getConsumerFromInfo(info);
      for (let left = info.num_pending; left > 0; ) {
        const before = left;
        const page = await consumer.fetch({ max_messages: Math.min(left, AHEAD), expires: PAUSE_MS });
        for await (const message of page) {
          left -= 1;
          yield message;
          if (message.info.pending === 0) return;
        }
        if (left === before) return; // the server counts some that are not there
      }
    } finally {
      await consumers.delete(stream, info.name).catch(() => {}); // the server forgets it by itself
    }
  } catch (failure) {
    throw storageError(failure);
  }
}
