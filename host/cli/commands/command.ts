import type { Command } from 'commander';
import { objectIn, objectsIn, textIn } from '../answer.ts';
import { example } from '../example.ts';
import type { OpenSession } from '../session.ts';
import { table } from '../table.ts';

/** What extensions add to this command line. */
export function addCommandCommands(program: Command, open: OpenSession): void {
  program
    .command('command:list')
    .description('commands and output formats of extensions that you may use')
    .addHelpText('after', example('command:list'))
    .action(async (_options: unknown, command: Command) => {
      const { output, client } = open(command);
      const answer = objectIn(await client().get('/v1/commands'));
      output.print(answer, () => {
        const formats = objectsIn(answer.formats);
        const lines = [...objectsIn(answer.commands).map(named('mag ')), ...formats.map(named('--output '))];
        return table(lines, [
          ['use', (row) => textIn(row, 'use')],
          ['what it does', (row) => textIn(row, 'description')],
        ]);
      });
    });
}

function named(prefix: string) {
  return (row: Parameters<typeof textIn>[0]) => ({
    use: `${prefix}${textIn(row, 'extension')}:${textIn(row, 'name')}`,
    description: textIn(row, 'description'),
  });
}
