import type { Command } from 'commander';
import { objectIn, textIn } from '../answer.ts';
import { pathOf } from '../client.ts';
import { confirm } from '../confirm.ts';
import { example } from '../example.ts';
import { readPages } from '../pages.ts';
import type { OpenSession, Session } from '../session.ts';
import { table } from '../table.ts';

interface CreateOptions {
  readonly name?: string;
  readonly tenant?: string;
}

/** Projects, which have the databases. */
export function addProjectCommands(program: Command, open: OpenSession): void {
  program
    .command('project:list')
    .description('projects, each with a tenant')
    .addHelpText('after', example('project:list'))
    .action((_options: unknown, command: Command) => list(open(command)));
  program
    .command('project:create <id>')
    .description('make a project')
    .option('--name <name>', 'what people call it')
    .option('--tenant <tenant>', 'whose it is, such as t_acme (default: that of the token)')
    .addHelpText('after', example('project:create shop --tenant t_acme'))
    .action((id: string, options: CreateOptions, command: Command) => create(open(command), id, options));
  program
    .command('project:remove <id>')
    .description('remove a project that has no databases')
    .addHelpText('after', example('project:remove shop --yes'))
    .action((id: string, _options: unknown, command: Command) => remove(open(command), id));
}

async function list(session: Session): Promise<void> {
  const projects = await readPages(session.client(), '/v1/projects', 'projects');
  session.output.print(projects, () =>
    table(projects, [
      ['id', (row) => textIn(row, 'id')],
      ['name', (row) => textIn(row, 'name')],
      ['tenant', (row) => textIn(row, 'tenant')],
      ['created', (row) => textIn(row, 'createdAt')],
    ]),
  );
}

async function create(session: Session, id: string, { name, tenant }: CreateOptions): Promise<void> {
  const body = { id, ...(name ? { name } : {}), ...(tenant ? { tenant } : {}) };
  const project = objectIn(await session.client().send('POST', '/v1/projects', body));
  session.output.print(project, () => `${id} is there, for ${textIn(project, 'tenant')}`);
}

async function remove(session: Session, id: string): Promise<void> {
  await confirm(session, `Remove the project ${id}?`);
  const answer = await session.client().send('DELETE', pathOf('v1', 'projects', id));
  session.output.print(answer, () => `${id} is gone`);
}
