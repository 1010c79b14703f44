import type { Command } from 'commander';
import { objectIn, objectsIn, textIn } from '../answer.ts';
import { pathOf } from '../client.ts';
import { example } from '../example.ts';
import type { OpenSession, Session } from '../session.ts';
import { table } from '../table.ts';

/** Who is logged in. */
export function addSessionCommands(program: Command, open: OpenSession): void {
  program
    .command('session:list')
    .description('who is logged in')
    .option('--user <id>', 'of one user alone')
    .addHelpText('after', example('session:list'))
    .action((options: { user?: string }, command: Command) => list(open(command), options));
  program
    .command('session:revoke <id>')
    .description('log somebody out, at once')
    .addHelpText('after', example('session:revoke <id>'))
    .action((id: string, _options: unknown, command: Command) => revoke(open(command), id));
}

async function list(session: Session, { user }: { user?: string }): Promise<void> {
  const answer = objectIn(await session.client().get('/v1/sessions', { user }));
  const sessions = objectsIn(answer.sessions);
  session.output.print(sessions, () =>
    table(sessions, [
      ['id', (row) => textIn(row, 'id')],
      ['user', (row) => textIn(row, 'user')],
      ['name', (row) => textIn(row, 'name')],
      ['tenant', (row) => textIn(row, 'tenant')],
      ['provider', (row) => textIn(row, 'provider')],
      ['last seen', (row) => textIn(row, 'lastSeenAt')],
      ['ends', (row) => textIn(row, 'expiresAt')],
    ]),
  );
}

async function revoke(session: Session, id: string): Promise<void> {
  await session.client().send('DELETE', pathOf('v1', 'sessions', id));
  session.output.print({ id, revoked: true }, () => `${id} is logged out`);
}
