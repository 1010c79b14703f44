import { MagError } from '../../../kernel/errors.ts';
import type { Json, JsonObject } from '../../../manifests/json.ts';
import type { KeptMessage } from '../../storage/channel-store.ts';
import { componentOf, eventText, isFor } from './event-feed.ts';
import type { ClientMessage, ReplayStart } from './messages.ts';
import type { RealtimeParts } from './ports.ts';
import { messageText } from './rooms.ts';
import type { Subscription } from './subscription.ts';

const DEFAULT_LIMIT = 50;
/** Of messages in one answer. */
const MAX_PAGE_CHARS = 524_288;
const BATCH = 200;
/** Events that are looked through for one request. */
const MAX_READ = 10_000;

type Parts = Pick<RealtimeParts, 'store' | 'events' | 'guests' | 'hooks'>;
type Of<Type extends ClientMessage['type']> = Extract<ClientMessage, { readonly type: Type }>;

/** A page of what was said, ascending: the newest, those before a number, or those after one. */
export async function historyPage(
  { store, hooks }: Parts,
  { room, declared, channel, context }: Subscription,
  { id, before, after, limit = DEFAULT_LIMIT }: Of<'history'>,
): Promise<string> {
  const oldest = (await store.head(room)) - declared.history;
  const found =
    after === undefined
      ? await store.before(room, before ?? null, limit)
      : await store.after(room, Math.max(after, oldest), limit);
  const kept = found.filter(({ sequence }) => sequence > oldest);
  const page = fitting(kept, after === undefined);
  const asked = { channel, tenantId: room.tenantId, before: before ?? null, limit };
  const contributed = hooks.messageHistory.isUsed()
    ? await hooks.messageHistory.collect(asked, { request: context, resource: { channels: channel } })
    : [];
  const more = page.length < kept.length || found.length === limit;
  const head = JSON.stringify({ type: 'history', id, channel, more, contributed: flat(contributed) });
  const messages = page.map((message) => `{${messageText(room, message)}}`);
  return `${head.slice(0, -1)},"messages":[${messages.join()}]}`;
}

/** As many as fit into one answer, from the end that was asked for. */
function fitting(messages: readonly KeptMessage[], fromEnd: boolean): KeptMessage[] {
  const page: KeptMessage[] = [];
  let chars = 0;
  for (const message of fromEnd ? messages.toReversed() : messages) {
    chars += message.data.length;
    if (chars > MAX_PAGE_CHARS && page.length > 0) break;
    page.push(message);
  }
  return fromEnd ? page.reverse() : page;
}

/**
 * Sends events once more, marked, as fast as the client takes them; `next` is where to go on.
 * @throws `E_NOT_FOUND` when the channel has no such events, or none from there on is kept
 */
export async function replayEvents(
  { events, guests, hooks }: Parts,
  subscription: Subscription,
  { event: type, from, limit = DEFAULT_LIMIT }: Of<'replay'>,
): Promise<object> {
  const { declared, channel, connection, room, context } = subscription;
  if (!declared.events.includes(type)) throw new MagError('E_NOT_FOUND', 'The channel has no such events.');
  const component = componentOf(type);
  const until = (await events.heads()).get(component) ?? 0;
  const start = (await firstOf(events, component, from)) - 1;
  const asked = { channel, tenantId: room.tenantId, event: type, after: Math.max(0, start), limit };
  const contributed = hooks.replayEvents.isUsed()
    ? await hooks.replayEvents.collect(asked, { request: context, resource: { channels: channel } })
    : [];
  let [cursor, count, read] = [start, 0, 0];
  while (cursor < until && count < limit && read < MAX_READ && !connection.over.aborted) {
    const batch = await events.read(component, cursor, BATCH, [type]);
    for (const event of batch) {
      if (event.sequence > until || count >= limit) break;
      cursor = event.sequence;
      if (!isFor(event, subscription, guests)) continue;
      await connection.taken();
      connection.send(eventText(channel, event, true));
      count += 1;
    }
    read += batch.length;
    if (batch.length < BATCH && count < limit) cursor = until;
  }
  const next = cursor < until ? cursor + 1 : null;
  return { type: 'replayed', channel, event: type, count, next, contributed: flat(contributed) };
}

async function firstOf(
  events: RealtimeParts['events'],
  component: string,
  from: ReplayStart,
): Promise<number> {
  if ('sequence' in from) return Math.max(1, from.sequence);
  const point = 'time' in from ? { time: new Date(from.time) } : { eventId: from.eventId };
  const first = await events.firstFrom(component, point);
  if (first === null) throw new MagError('E_NOT_FOUND', 'No event from there on is kept.');
  return first;
}

/** What extensions added, each with whose it is. */
function flat(contributed: readonly { extension: string; value: Json }[]): JsonObject[] {
  return contributed.map(({ extension, value }) => ({ extension, ...(value as JsonObject) }));
}
