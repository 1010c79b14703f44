import type { Command } from 'commander';
import { objectIn, objectsIn, textIn } from '../answer.ts';
import { pathOf } from '../client.ts';
import { example } from '../example.ts';

import type { OpenSession, Session } from '../session.ts';
import { table } from '../table.ts';

interface DefineOptions {
  readonly description: string;
  readonly permission: readonly string[];
}

interface TenantOption {
  readonly tenant: string;
}

/** Roles, and who has them in which tenant. */
export function addRoleCommands(program: Command, open: OpenSession): void {
  program
    .command('role:list')
    .description('roles of the host, of operators and of extensions, with what they may')
    .addHelpText('after', example('role:list'))
    .action((_options: unknown, command: Command) => list(open(command)));
  program
    .command('role:define <role>')
    .description('make a role, or say anew what it may')
    .requiredOption('--description <text>', 'what it is for')
    .requiredOption('--permission <permission...>', 'such as acme/notes:write')
    .addHelpText(
      'after',
      example('role:define editor --description "Writes notes" --permission acme/notes:write'),
    )
    .action((role: string, options: DefineOptions, command: Command) => define(open(command), role, options));
  program
    .command('role:remove <role>')
    .description('remove a role that role:define made')
    .addHelpText('after', example('role:remove editor'))
    .action((role: string, _options: unknown, command: Command) => remove(open(command), role));
  program
    .command('role:assign <user> <role>')
    .description('give a user a role in a tenant')
    .requiredOption('--tenant <tenant>', 'such as t_acme; t_system for roles of the host')
    .addHelpText('after', example('role:assign <id> editor --tenant t_acme'))
    .action((user: string, role: string, options: TenantOption, command: Command) =>
      change(open(command), 'PUT', user, role, options),
    );
  program
    .command('role:unassign <user> <role>')
    .description('take a role that an operator gave')
    .requiredOption('--tenant <tenant>', 'such as t_acme')
    .addHelpText('after', example('role:unassign <id> editor --tenant t_acme'))
    .action((user: string, role: string, options: TenantOption, command: Command) =>
      change(open(command), 'DELETE', user, role, options),
    );
}

async function list(session: Session): Promise<void> {
  const roles = objectsIn(objectIn(await session.client().get('/v1/roles')).roles);
  session.output.print(roles, () =>
    table(roles, [
      ['name', (row) => textIn(row, 'name')],
      ['of', (row) => textIn(row, 'extension')],
      ['description', (row) => textIn(row, 'description')],
      ['permissions', (row) => (Array.isArray(row.permissions) ? row.permissions.join(' ') : '')],
    ]),
  );
}

async function define(
  session: Session,
  role: string,
  { description, permission }: DefineOptions,
): Promise<void> {
  const body = { description, permissions: [...permission] };
  const answer = objectIn(await session.client().send('PUT', pathOf('v1', 'roles', role), body));
  session.output.print(answer, () => `${role} may ${permission.join(', ')}`);
}

async function remove(session: Session, role: string): Promise<void> {
  await session.client().send('DELETE', pathOf('v1', 'roles', role));
  session.output.print({ role, removed: true }, () => `${role} is gone`);
}

async function change(
  session: Session,
  method: 'PUT' | 'DELETE',
  user: string,
  role: string,
  { tenant }: TenantOption,
): Promise<void> {
  const answer = await session.client().send(method, pathOf('v1', 'users', user, 'roles', tenant, role));
  const verb = method === 'PUT' ? 'has' : 'no longer has';
  session.output.print(answer, () => `${user} ${verb} the role ${role} in ${tenant}`);
}
