import type { Command } from 'commander';
import type { Json, JsonObject } from '../../../manifests/json.ts';
import { objectIn, objectsIn, textIn } from '../answer.ts';
import type { Query } from '../client.ts';
import { example } from '../example.ts';
import { countUpTo } from '../options.ts';
import { printable } from '../printable.ts';
import type { OpenSession, Session } from '../session.ts';
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
