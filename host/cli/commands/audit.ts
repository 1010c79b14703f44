import type { Command } from 'commander';
import { MagError } from '../../../kernel/errors.ts';
import { objectIn, textIn } from '../answer.ts';
import { example } from '../example.ts';
import { countUpTo } from '../options.ts';
import { readPages } from '../pages.ts';
import type { OpenSession, Session } from '../session.ts';
import { table } from '../table.ts';

interface ListOptions {
  readonly limit: number;
  readonly action?: string;
  readonly target?: string;
}

/** The hash-chained record of who did what. */
export function addAuditCommands(program: Command, open: OpenSession): void {
  program
    .command('audit:list')
    .description('the newest audit records, newest first')
    .option('-n, --limit <count>', 'how many', countUpTo(10_000), 50)
    .option('--action <action>', 'only this action')
    .option('--target <target>', 'only this target')
    .addHelpText('after', example('audit:list', 'audit:list --target acme/hello -n 10'))
    .action((options: ListOptions, command: Command) => list(open(command), options));
  program
    .command('audit:verify')
    .description('check the whole chain; exit 0 when it holds, 1 when it was tampered with')
    .addHelpText('after', example('audit:verify'))
    .action((_options: unknown, command: Command) => verify(open(command)));
}

async function list(session: Session, options: ListOptions): Promise<void> {
  const records = await readPages(session.client(), '/v1/audit', 'records', { ...options });
  session.output.print(records, () =>
    table(records, [
      ['#', (row) => textIn(row, 'sequence')],
      ['at', (row) => textIn(row, 'at')],
      ['principal', (row) => textIn(row, 'principal')],
      ['action', (row) => textIn(row, 'action')],
      ['target', (row) => textIn(row, 'target')],
      ['outcome', (row) => textIn(row, 'outcome')],
      ['detail', (row) => textIn(row, 'detail')],
    ]),
  );
}

async function verify(session: Session): Promise<void> {
  const answer = objectIn(await session.client().get('/v1/audit/verify'));
  if (answer.ok !== true) {
    const where = `the audit chain is broken at record ${textIn(answer, 'brokenAt')}`;
    throw new MagError('E_AUDIT_BROKEN', `${where}: ${textIn(answer, 'reason')}`);
  }
  session.output.print(answer, () => `the audit chain holds: ${textIn(answer, 'records')} records`);
}
