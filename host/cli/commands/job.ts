import type { Command } from 'commander';
import { objectIn, objectsIn, textIn } from '../answer.ts';
import { pathOf } from '../client.ts';
import { example } from '../example.ts';
import { toExtensionId } from '../extension-id.ts';
import type { OpenSession, Session } from '../session.ts';
import { table } from '../table.ts';

const ID = '0199c5d4-6a00-7000-8000-000000000000';

/** The background jobs of extensions. */
export function addJobCommands(program: Command, open: OpenSession): void {
  program
    .command('job:list <id>')
    .description('background jobs of an extension, newest first')
    .option('--limit <n>', 'how many', '50')
    .addHelpText('after', example('job:list acme/hello'))
    .action((id: string, options: { limit: string }, command: Command) =>
      list(open(command), id, options.limit),
    );
  for (const [verb, what] of [
    ['cancel', 'cancel a job that waits'],
    ['retry', 'queue a job that has ended once more'],
  ] as const) {
    program
      .command(`job:${verb} <id> <job>`)
      .description(what)
      .addHelpText('after', example(`job:${verb} acme/hello ${ID}`))
      .action((id: string, job: string, _options: unknown, command: Command) =>
        move(open(command), id, job, verb),
      );
  }
}

async function list(session: Session, text: string, limit: string): Promise<void> {
  const path = pathOf('v1', 'extensions', ...toExtensionId(text).split('/'), 'jobs');
  const answer = objectIn(await session.client().get(path, { limit }));
  session.output.print(answer, () =>
    table(objectsIn(answer.jobs), [
      ['job', (row) => textIn(row, 'job')],
      ['state', (row) => textIn(row, 'state')],
      ['runs', (row) => `${textIn(row, 'attempts')} of ${textIn(row, 'maxAttempts')}`],
      ['at', (row) => textIn(row, 'runAt')],
      ['error', (row) => textIn(row, 'errorCode')],
      ['id', (row) => textIn(row, 'id')],
    ]),
  );
}

async function move(session: Session, text: string, job: string, verb: 'cancel' | 'retry'): Promise<void> {
  const id = toExtensionId(text).split('/');
  const answer = await session.client().send('POST', pathOf('v1', 'extensions', ...id, 'jobs', job, verb));
  session.output.print(answer, () => (verb === 'cancel' ? `${job} is cancelled` : `${job} is queued again`));
}
