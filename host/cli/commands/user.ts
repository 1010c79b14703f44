import type { Command } from 'commander';
import { objectIn, objectsIn, textIn } from '../answer.ts';
import { pathOf } from '../client.ts';
import { confirm } from '../confirm.ts';
import { example } from '../example.ts';
import { readPages } from '../pages.ts';
import type { OpenSession, Session } from '../session.ts';
import { table } from '../table.ts';

interface CreateOptions {
  readonly service?: true;
  readonly email?: string;
  readonly tenant?: string;
}

/** Users and services: whom tokens and sessions act for. */
export function addUserCommands(program: Command, open: OpenSession): void {
  program
    .command('user:list')
    .description('users and services of every tenant')
    .addHelpText('after', example('user:list'))
    .action((_options: unknown, command: Command) => list(open(command)));
  program
    .command('user:show <id>')
    .description('one, with its roles and who gave them')
    .addHelpText('after', example('user:show <id>'))
    .action((id: string, _options: unknown, command: Command) => show(open(command), id));
  program
    .command('user:create <name>')
    .description('make a user; whoever logs in with a provider is made by that')
    .option('--service', 'a program, not a person')
    .option('--email <email>')
    .option('--tenant <tenant>', 'the tenant it belongs to (default: that of the token)')
    .addHelpText('after', example('user:create deployer --service --tenant t_acme'))
    .action((name: string, options: CreateOptions, command: Command) => create(open(command), name, options));
  program
    .command('user:disable <id>')
    .description('lock a user out: sessions end, tokens rest')
    .addHelpText('after', example('user:disable <id>'))
    .action((id: string, _options: unknown, command: Command) => move(open(command), id, 'disable'));
  program
    .command('user:enable <id>')
    .description('let a user in again')
    .addHelpText('after', example('user:enable <id>'))
    .action((id: string, _options: unknown, command: Command) => move(open(command), id, 'enable'));
  program
    .command('user:remove <id>')
    .description('remove a user with its sessions and tokens')
    .addHelpText('after', example('user:remove <id> --yes'))
    .action((id: string, _options: unknown, command: Command) => remove(open(command), id));
}

async function list(session: Session): Promise<void> {
  const users = await readPages(session.client(), '/v1/users', 'users');
  session.output.print(users, () =>
    table(users, [
      ['id', (row) => textIn(row, 'id')],
      ['kind', (row) => textIn(row, 'kind')],
      ['name', (row) => textIn(row, 'name')],
      ['email', (row) => textIn(row, 'email')],
      ['tenant', (row) => textIn(row, 'tenant')],
      ['disabled', (row) => textIn(row, 'disabledAt')],
    ]),
  );
}

async function show(session: Session, id: string): Promise<void> {
  const user = objectIn(await session.client().get(pathOf('v1', 'users', id)));
  session.output.print(user, () => {
    const roles = table(objectsIn(user.roles), [
      ['tenant', (row) => textIn(row, 'tenant')],
      ['role', (row) => textIn(row, 'role')],
      ['given by', (row) => textIn(row, 'source')],
    ]);
    return `${textIn(user, 'kind')} ${textIn(user, 'name')} of ${textIn(user, 'tenant')}\n${roles}`;
  });
}

async function create(
  session: Session,
  name: string,
  { service, email, tenant }: CreateOptions,
): Promise<void> {
  const body = {
    name,
    kind: service === true ? 'service' : 'user',
    ...(email ? { email } : {}),
    ...(tenant ? { tenant } : {}),
  };
  const user = objectIn(await session.client().send('POST', '/v1/users', body));
  session.output.print(user, () => textIn(user, 'id'));
}

async function move(session: Session, id: string, verb: 'disable' | 'enable'): Promise<void> {
  await session.client().send('POST', pathOf('v1', 'users', id, verb));
  session.output.print({ id, [`${verb}d`]: true }, () => `${id} is ${verb}d`);
}

async function remove(session: Session, id: string): Promise<void> {
  await confirm(session, `Remove the user ${id}?`);
  await session.client().send('DELETE', pathOf('v1', 'users', id));
  session.output.print({ id, removed: true }, () => `${id} is gone`);
}
