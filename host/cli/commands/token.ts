import type { Command } from 'commander';
import { objectIn, textIn } from '../answer.ts';
import { pathOf } from '../client.ts';
import { example } from '../example.ts';
import { readPages } from '../pages.ts';
import type { OpenSession, Session } from '../session.ts';
import { table } from '../table.ts';

interface CreateOptions {
  readonly role: string;
  readonly tenant?: string;
  readonly expires?: string;
  readonly user?: string;
  readonly readOnly?: true;
  readonly path?: readonly string[];
}

/** API tokens of people and programs. */
export function addTokenCommands(program: Command, open: OpenSession): void {
  program
    .command('token:create <name>')
    .description('make an API token; it is shown this once')
    .requiredOption('--role <role>', 'owner, operator, auditor, author, or a role of an extension')
    .option('--tenant <tenant>', 'the tenant it acts for, such as t_acme')
    .option('--user <id>', 'whom it acts for, as long as they have the role: see user:list')
    .option('--read-only', 'it may only read')
    .option('--path <path...>', 'it may only ask for these paths, and what is below them')
    .option('--expires <time>', 'when it ends, such as 2027-01-31T00:00:00Z')
    .addHelpText('after', example('token:create ci --role author'))
    .action((name: string, options: CreateOptions, command: Command) => create(open(command), name, options));
  program
    .command('token:list')
    .description('API tokens, without their secrets')
    .addHelpText('after', example('token:list'))
    .action((_options: unknown, command: Command) => list(open(command)));
  program
    .command('token:revoke <id>')
    .description('end an API token; takes effect at once')
    .addHelpText('after', example('token:revoke <id>'))
    .action((id: string, _options: unknown, command: Command) => revoke(open(command), id));
}

async function create(session: Session, name: string, options: CreateOptions): Promise<void> {
  const { role, tenant, expires: expiresAt, user, readOnly, path: paths } = options;
  const given = { tenant, expiresAt, user, readOnly, paths };
  const said = Object.entries(given).filter(([, value]) => value !== undefined && value !== '');
  const body = { name, role, ...Object.fromEntries(said) };
  const answer = objectIn(await session.client().send('POST', '/v1/tokens', body));
  session.output.print(answer, () => textIn(answer, 'token'));
}

async function list(session: Session): Promise<void> {
  const tokens = await readPages(session.client(), '/v1/tokens', 'tokens');
  session.output.print(tokens, () =>
    table(tokens, [
      ['id', (row) => textIn(row, 'id')],
      ['name', (row) => textIn(row, 'name')],
      ['role', (row) => textIn(row, 'role')],
      ['tenant', (row) => textIn(row, 'tenant')],
      ['user', (row) => textIn(row, 'user')],
      ['expires', (row) => textIn(row, 'expiresAt')],
      ['revoked', (row) => textIn(row, 'revokedAt')],
    ]),
  );
}

async function revoke(session: Session, id: string): Promise<void> {
  await session.client().send('DELETE', pathOf('v1', 'tokens', id));
  session.output.print({ id, revoked: true }, () => `${id} is revoked`);
}
