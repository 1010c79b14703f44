import type { Command } from 'commander';
import type { JsonObject } from '../../../manifests/json.ts';
import { objectIn, objectsIn, textIn } from '../answer.ts';
import { example } from '../example.ts';
import { extensionPath, toExtensionId } from '../extension-id.ts';
import { countUpTo } from '../options.ts';
import { printable } from '../printable.ts';
import type { OpenSession, Session } from '../session.ts';
import { tail } from '../tail.ts';

interface LogOptions {
  readonly limit: number;
  readonly follow?: boolean;
}

export function addLogCommands(program: Command, open: OpenSession): void {
  program
    .command('extension:logs <id>')
    .description('what an extension logged, newest last')
    .option('-n, --limit <count>', 'how many lines', countUpTo(1_000), 100)
    .option('-f, --follow', 'go on with what it logs from now on, until Ctrl-C')
    .addHelpText('after', example('extension:logs acme/hello --follow'))
    .action((id: string, options: LogOptions, command: Command) => logs(open(command), id, options));
}

async function logs(session: Session, text: string, { limit, follow = false }: LogOptions): Promise<void> {
  const path = extensionPath(toExtensionId(text), 'logs');
  await tail(session, { path, query: {}, follow, key: 'id', text: logLine }, async () => {
    const answer = await session.client().get(path, { limit });
    return objectsIn(objectIn(answer).lines);
  });
}

/** `2026-11-21T10:23:45.123Z  info   a message  {"ms":12}` */
export function logLine(line: JsonObject): string {
  const fields = textIn(line, 'fields');
  const level = textIn(line, 'level').padEnd(5);
  const head = `${textIn(line, 'at')}  ${printable(level)}`;
  return `${head}  ${printable(textIn(line, 'message'))}${fields === '{}' ? '' : `  ${printable(fields)}`}`;
}
