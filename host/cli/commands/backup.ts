import type { Command } from 'commander';
import { MagError } from '../../../kernel/errors.ts';
import { isCode } from '../../../manifests/catalog/index.ts';
import type { JsonObject } from '../../../manifests/json.ts';
import { objectIn, objectsIn, textIn } from '../answer.ts';
import { pathOf } from '../client.ts';
import { confirm } from '../confirm.ts';
import { example } from '../example.ts';
import { readPages } from '../pages.ts';
import type { OpenSession, Session } from '../session.ts';
import { table } from '../table.ts';

/** Seconds one request waits for the end of what it follows. */
const WAIT_SECONDS = 30;

interface OfProject {
  readonly project: string;
}

/** Backups of the databases of projects. */
export function addBackupCommands(program: Command, open: OpenSession): void {
  program
    .command('backup:create')
    .description('back a database up; resolves when the backup is there')
    .option('--project <id>', 'the project', 'default')
    .option('--database <name>', 'the database; main of default is that of the host', 'main')
    .addHelpText('after', example('backup:create', 'backup:create --project shop --database orders'))
    .action((options: OfProject & { database: string }, command: Command) => create(open(command), options));
  program
    .command('backup:list')
    .description('backups of a project, oldest first')
    .option('--project <id>', 'the project', 'default')
    .addHelpText('after', example('backup:list --project shop'))
    .action((options: OfProject, command: Command) => list(open(command), options));
  program
    .command('backup:restore <id>')
    .description('bring the database of a backup back to what it was')
    .option('--project <id>', 'the project', 'default')
    .addHelpText('after', example('backup:restore 019a9f6e-0000-7000-8000-000000000000 --yes'))
    .action((id: string, options: OfProject, command: Command) => restore(open(command), id, options));
  program
    .command('backup:remove <id>')
    .description('remove a backup with its file')
    .option('--project <id>', 'the project', 'default')
    .addHelpText('after', example('backup:remove 019a9f6e-0000-7000-8000-000000000000 --yes'))
    .action((id: string, options: OfProject, command: Command) => remove(open(command), id, options));
}

async function create(
  session: Session,
  { project, database }: OfProject & { database: string },
): Promise<void> {
  session.output.say(`backup of ${project}/${database}`);
  const begun = await session
    .client()
    .send('POST', pathOf('v1', 'projects', project, 'backups'), { database });
  const backup = await ended(session, project, textIn(objectIn(begun), 'id'), (one) => one);
  session.output.print(
    backup,
    () => `${textIn(backup, 'id')} is there: ${textIn(backup, 'sizeBytes')} bytes`,
  );
}

async function list(session: Session, { project }: OfProject): Promise<void> {
  const path = pathOf('v1', 'projects', project, 'backups');
  const backups = await readPages(session.client(), path, 'backups');
  session.output.print(backups, () =>
    table(backups, [
      ['id', (row) => textIn(row, 'id')],
      ['database', (row) => textIn(row, 'database')],
      ['state', (row) => textIn(row, 'state')],
      ['bytes', (row) => textIn(row, 'sizeBytes')],
      ['postgres', (row) => textIn(row, 'serverVersion')],
      ['created', (row) => textIn(row, 'createdAt')],
    ]),
  );
}

async function restore(session: Session, id: string, { project }: OfProject): Promise<void> {
  await confirm(session, `Restore ${id}? What its database holds now is replaced.`);
  session.output.say(`restore of ${id}`);
  const path = pathOf('v1', 'projects', project, 'backups', id);
  const begun = objectIn(await session.client().send('POST', `${path}/restore`));
  const outcome = await ended(session, project, id, (backup) => {
    const restores = objectsIn(backup.restores);
    return restores.find((one) => one.id === begun.id) ?? begun;
  });
  session.output.print(outcome, () => `${id} was restored`);
}

async function remove(session: Session, id: string, { project }: OfProject): Promise<void> {
  await confirm(session, `Remove the backup ${id}? It is gone then.`);
  const answer = await session.client().send('DELETE', pathOf('v1', 'projects', project, 'backups', id));
  session.output.print(answer, () => `${id} is gone`);
}

/** Follows a backup until a part of it has ended. @throws MagError with the code it failed with */
async function ended(
  session: Session,
  project: string,
  id: string,
  part: (backup: JsonObject) => JsonObject,
): Promise<JsonObject> {
  const path = pathOf('v1', 'projects', project, 'backups', id);
  for (;;) {
    const found = part(objectIn(await session.client().get(path, { wait: WAIT_SECONDS })));
    if (found.state === 'running') continue;
    if (found.state === 'succeeded') return found;
    const code = textIn(found.error, 'code');
    throw new MagError(isCode(code) ? code : 'E_BACKUP', textIn(found.error, 'detail'));
  }
}
