import type { Command } from 'commander';
import { MagError } from '../../../kernel/errors.ts';
import type { Json, JsonObject } from '../../../manifests/json.ts';
import { objectIn, objectsIn, textIn } from '../answer.ts';
import { pathOf, type Query } from '../client.ts';
import { example } from '../example.ts';
import { countUpTo } from '../options.ts';
import { printable } from '../printable.ts';
import type { OpenSession, Session } from '../session.ts';
import { table } from '../table.ts';
import { tail } from '../tail.ts';
import { UsageError } from '../usage-error.ts';

interface TailOptions {
  readonly type?: string;
  readonly component?: string;
  readonly limit: number;
  readonly follow?: boolean;
}

/** The event bus, seen and used by an operator. */
export function addEventCommands(program: Command, open: OpenSession): void {
  program
    .command('event:tail')
    .description('the newest events, oldest of them first')
    .option('--type <type>', 'only this event type')
    .option('--component <name>', 'only events of this component')
    .option('-n, --limit <count>', 'how many', countUpTo(1_000), 20)
    .option('-f, --follow', 'go on with what happens from now on, until Ctrl-C')
    .addHelpText('after', example('event:tail --follow', 'event:tail --type extension.error -n 5'))
    .action((options: TailOptions, command: Command) => tailEvents(open(command), options));
  program
    .command('event:publish <type>')
    .description('publish an event as an operator')
    .option('--data <json>', 'what the event carries', '{}')
    .option('--id <uuid>', 'its id: the same one twice is one event')
    .addHelpText('after', example('event:publish acme.hello.greeted --data \'{"id":"7"}\''))
    .action((type: string, options: { data: string; id?: string }, command: Command) =>
      publish(open(command), type, options),
    );
  program
    .command('event:replay <subscription>')
    .description('deliver once more what a subscription had, up to now; by its id, or by extension')
    .requiredOption('--from <point>', 'a time, a sequence or the id of an event; 1: all that is kept')
    .option('--type <type>', 'of an extension: only this subscription')
    .addHelpText(
      'after',
      example('event:replay acme/hello --from 2026-11-20T10:00:00Z', 'event:replay acme/hello --from 1'),
    )
    .action((what: string, options: { from: string; type?: string }, command: Command) =>
      replay(open(command), what, options),
    );
  program
    .command('event:subscriptions')
    .description('what extensions subscribed to, and how far behind they are')
    .addHelpText('after', example('event:subscriptions'))
    .action((_options: unknown, command: Command) => subscriptions(open(command)));
}

async function readSubscriptions(session: Session): Promise<JsonObject[]> {
  return objectsIn(objectIn(await session.client().get('/v1/subscriptions')).subscriptions);
}

async function subscriptions(session: Session): Promise<void> {
  const rows = await readSubscriptions(session);
  session.output.print(rows, () => subscriptionTable(rows));
}

/** Shared with `mag status`. */
export function subscriptionTable(rows: readonly JsonObject[]): string {
  return table(rows, [
    ['subscription', (row) => textIn(row, 'id')],
    ['extension', (row) => textIn(row, 'extension')],
    ['event', (row) => textIn(row, 'type')],
    ['lag', (row) => textIn(row, 'lag')],
    ['dead letters', (row) => textIn(row, 'deadLetters')],
    ['replays', (row) => String(objectsIn(row.replays).length)],
  ]);
}

async function replay(
  session: Session,
  what: string,
  { from, type }: { from: string; type?: string },
): Promise<void> {
  const point = pointIn(from);
  const chosen = (await readSubscriptions(session)).filter(
    (row) => row.id === what || (row.extension === what && (type === undefined || row.type === type)),
  );
  if (chosen.length === 0) throw new MagError('E_NOT_FOUND', `${what} has no such subscription`);
  const replays: JsonObject[] = [];
  for (const { id } of chosen) {
    const path = pathOf('v1', 'subscriptions', String(id), 'replay');
    replays.push(objectIn(await session.client().send('POST', path, point)));
  }
  session.output.print(replays, () =>
    replays
      .map((row) => `replaying what lies above ${textIn(row, 'sequence')}, up to ${textIn(row, 'until')}`)
      .join('\n'),
  );
}

/** Tells a sequence from the id of an event from a time. */
function pointIn(text: string): JsonObject {
  if (/^[1-9]\d{0,15}$/.test(text)) return { sequence: Number(text) };
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)) return { eventId: text };
  const time = new Date(text);
  if (Number.isNaN(time.getTime()))
    throw new UsageError(
      '--from takes a time such as 2026-11-20T10:00:00Z, a sequence, or the id of an event',
    );
  return { time: time.toISOString() };
}

async function tailEvents(session: Session, options: TailOptions): Promise<void> {
  const query: Query = { type: options.type, component: options.component };
  const follow = options.follow ?? false;
  const target = { path: '/v1/events', query, follow, key: 'event_id', text: eventLine };
  await tail(session, target, async () => {
    const answer = await session.client().get('/v1/events', { ...query, limit: options.limit });
    return objectsIn(objectIn(answer).events).reverse();
  });
}

/** One event on one line: when, what, by whom, with what. */
function eventLine(event: JsonObject): string {
  const source = objectIn(event.source);
  const by = textIn(source, 'extension') || textIn(source, 'component');
  const parts = [textIn(event, 'timestamp'), textIn(event, 'event_type'), by, textIn(event, 'data')];
  return parts.map(printable).join('  ');
}

async function publish(
  session: Session,
  type: string,
  options: { data: string; id?: string },
): Promise<void> {
  const body = { type, data: parseData(options.data), ...(options.id ? { eventId: options.id } : {}) };
  const answer = await session.client().send('POST', '/v1/events', body);
  session.output.print(answer, () => `published ${type} as ${textIn(answer, 'eventId')}`);
}

function parseData(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch (cause) {
    throw new UsageError('--data takes JSON, such as {"id":"7"}', { cause });
  }
}
