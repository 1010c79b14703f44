import type { Command } from 'commander';
import type { JsonObject } from '../../../manifests/json.ts';
import { objectIn, objectsIn, textIn } from '../answer.ts';
import { pathOf } from '../client.ts';
import { confirm } from '../confirm.ts';
import { example } from '../example.ts';
import { countUpTo } from '../options.ts';
import { readPages } from '../pages.ts';
import { Reported } from '../reported.ts';
import type { OpenSession, Session } from '../session.ts';
import { table } from '../table.ts';
import { UsageError } from '../usage-error.ts';

interface Filter {
  readonly extension?: string;
  readonly type?: string;
}

/** Events that extensions could not handle. */
export function addDeadLetterCommands(program: Command, open: OpenSession): void {
  program
    .command('dead-letter:list')
    .description('events that extensions could not handle, newest first')
    .option('--extension <id>', 'only of this extension')
    .option('--type <type>', 'only of this event type')
    .option('-n, --limit <count>', 'how many', countUpTo(1_000), 50)
    .addHelpText('after', example('dead-letter:list --extension acme/hello'))
    .action((options: Filter & { limit: number }, command: Command) => list(open(command), options));
  program
    .command('dead-letter:redrive [id]')
    .description('deliver a dead letter once more; handled, it is one no longer')
    .option('--all', 'all of them, oldest first')
    .option('--extension <id>', 'with --all: only of this extension')
    .addHelpText(
      'after',
      example('dead-letter:redrive 17', 'dead-letter:redrive --all --extension acme/hello'),
    )
    .action((id: string | undefined, options: Filter & { all?: boolean }, command: Command) => {
      if ((options.all ?? false) === (id !== undefined))
        throw new UsageError('name a dead letter, or say --all');
      return id === undefined ? redriveAll(open(command), options) : redrive(open(command), id);
    });
  program
    .command('dead-letter:purge <id>')
    .description('give a dead letter up')
    .addHelpText('after', example('dead-letter:purge 17 --yes'))
    .action((id: string, _options: unknown, command: Command) => purge(open(command), id));
}

async function list(session: Session, { limit, ...filter }: Filter & { limit: number }): Promise<void> {
  const answer = await session.client().get('/v1/dead-letters', { ...filter, limit });
  const letters = objectsIn(objectIn(answer).deadLetters);
  session.output.print(letters, () =>
    table(letters, [
      ['id', (row) => textIn(row, 'id')],
      ['at', (row) => textIn(row, 'at')],
      ['extension', (row) => textIn(row.subscription, 'extension')],
      ['event', (row) => textIn(row.event, 'event_type')],
      ['attempts', (row) => textIn(row, 'attempts')],
      ['error', (row) => `${textIn(row.error, 'code')}: ${textIn(row.error, 'detail')}`],
    ]),
  );
}

async function redrive(session: Session, id: string): Promise<void> {
  const answer = await session.client().send('POST', pathOf('v1', 'dead-letters', id, 'redrive'));
  session.output.print(answer, () => `${id} was handled`);
}

/** One that fails again stays; the others are tried all the same. */
async function redriveAll(session: Session, { extension }: Filter): Promise<void> {
  const client = session.client();
  const letters = await readPages(client, '/v1/dead-letters', 'deadLetters', extension ? { extension } : {});
  const outcomes: JsonObject[] = [];
  for (const id of letters.map((letter) => textIn(letter, 'id')).reverse()) {
    const error = await client.send('POST', pathOf('v1', 'dead-letters', id, 'redrive')).then(
      () => null,
      (failure: Error) => failure.message,
    );
    outcomes.push({ id, handled: error === null, ...(error === null ? {} : { error }) });
  }
  const failed = outcomes.filter(({ handled }) => handled === false);
  session.output.print(outcomes, () => `${outcomes.length - failed.length} handled, ${failed.length} not`);
  if (failed.length > 0) throw new Reported('some could not be handled again');
}

async function purge(session: Session, id: string): Promise<void> {
  await confirm(session, `Give dead letter ${id} up? It is gone then.`);
  const answer = await session.client().send('DELETE', pathOf('v1', 'dead-letters', id));
  session.output.print(answer, () => `${id} is gone`);
}
