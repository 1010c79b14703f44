import type { Command } from 'commander';
import type { JsonObject } from '../../../manifests/json.ts';
import { objectIn, objectsIn, textIn } from '../answer.ts';
import { pathOf } from '../client.ts';
import { example } from '../example.ts';
import { followOperation } from '../progress.ts';
import type { OpenSession, Session } from '../session.ts';
import { details, table } from '../table.ts';

const ID = '0199c5d4-6a00-7000-8000-000000000000';

/** Looking at the journaled moves of extensions, cancelling them and doing them again. */
export function addOperationCommands(program: Command, open: OpenSession): void {
  program
    .command('operation:show <id>')
    .description('an operation on an extension and its steps')
    .addHelpText('after', example(`operation:show ${ID}`))
    .action((id: string, _options: unknown, command: Command) => show(open(command), id));
  program
    .command('operation:cancel <id>')
    .description('end a running operation before its next step and undo it; disable and uninstall go on')
    .addHelpText('after', example(`operation:cancel ${ID}`))
    .action((id: string, _options: unknown, command: Command) => cancel(open(command), id));
  program
    .command('operation:retry <id>')
    .description('do once more what an operation that failed was asked to do')
    .addHelpText('after', example(`operation:retry ${ID}`))
    .action((id: string, _options: unknown, command: Command) => retry(open(command), id));
}

async function show(session: Session, id: string): Promise<void> {
  const operation = objectIn(await session.client().get(pathOf('v1', 'operations', id)));
  session.output.print(operation, () => describe(operation));
}

function describe(operation: JsonObject): string {
  const head = details([
    ['operation', `${textIn(operation, 'kind')} ${textIn(operation, 'extension')}`],
    ['state', textIn(operation, 'state')],
    ['began', textIn(operation, 'createdAt')],
    ['ended', textIn(operation, 'endedAt')],
    [
      'error',
      [textIn(operation.error, 'code'), textIn(operation.error, 'detail')].filter(Boolean).join(': '),
    ],
  ]);
  const steps = table(objectsIn(operation.steps), [
    ['step', (row) => textIn(row, 'name')],
    ['state', (row) => textIn(row, 'state')],
    ['detail', (row) => textIn(row, 'detail')],
  ]);
  return `${head}\n\n${steps}`;
}

async function cancel(session: Session, id: string): Promise<void> {
  const client = session.client();
  await client.send('POST', pathOf('v1', 'operations', id, 'cancel'));
  const operation = objectIn(await client.get(pathOf('v1', 'operations', id), { wait: 60 }));
  session.output.print(operation, () => `${id} is ${textIn(operation, 'state')}`);
}

async function retry(session: Session, id: string): Promise<void> {
  const accepted = objectIn(await session.client().send('POST', pathOf('v1', 'operations', id, 'retry')));
  const operation = await followOperation(session, textIn(accepted, 'operation'));
  session.output.print(
    operation,
    () => `${textIn(operation, 'kind')} ${textIn(operation, 'extension')} succeeded`,
  );
}
