import type { Command } from 'commander';
import type { Json } from '../../../manifests/json.ts';
import { objectIn, objectsIn } from '../answer.ts';
import { example } from '../example.ts';
import { extensionPath, toExtensionId } from '../extension-id.ts';
import type { OpenSession, Session } from '../session.ts';
import { grantTable } from '../staging.ts';
import { UsageError } from '../usage-error.ts';
import { readExtension } from './extension-state.ts';

/** What an extension may do, and taking it away. */
export function addGrantCommands(program: Command, open: OpenSession): void {
  program
    .command('grant:list <id>')
    .description('what an extension is granted, and whether it uses it')
    .addHelpText('after', example('grant:list acme/hello'))
    .action((id: string, _options: unknown, command: Command) => list(open(command), id));
  program
    .command('grant:add <id> <capability>')
    .description('grant a capability the extension declares, or restore it; takes effect at once')
    .option('--scope <json>', 'narrow it: a JSON object of lists')
    .addHelpText(
      'after',
      example('grant:add acme/hello database.read --scope \'{"tables":["public.users"]}\''),
    )
    .action((id: string, capability: string, options: { scope?: string }, command: Command) =>
      add(open(command), id, capability, options.scope),
    );
  program
    .command('grant:revoke <id> <capability>')
    .description('take a capability away; takes effect at once, calls in flight included')
    .addHelpText('after', example('grant:revoke acme/hello database.read'))
    .action((id: string, capability: string, _options: unknown, command: Command) =>
      revoke(open(command), id, capability),
    );
}

async function list(session: Session, text: string): Promise<void> {
  const { grants } = await readExtension(session, toExtensionId(text));
  session.output.print(grants ?? [], () => grantTable(objectsIn(grants)));
}

async function add(
  session: Session,
  text: string,
  capability: string,
  scope: string | undefined,
): Promise<void> {
  const id = toExtensionId(text);
  const body = scope === undefined ? {} : { scope: parseScope(scope) };
  await session.client().send('PUT', extensionPath(id, 'grants', capability), body);
  session.output.print({ id, capability, granted: true }, () => `${id} holds ${capability}`);
}

async function revoke(session: Session, text: string, capability: string): Promise<void> {
  const id = toExtensionId(text);
  await session.client().send('DELETE', extensionPath(id, 'grants', capability));
  session.output.print({ id, capability, granted: false }, () => `${id} no longer holds ${capability}`);
}

/** The host checks the keys; this only makes sure that it is sent what was meant. */
function parseScope(text: string): Json {
  try {
    return objectIn(JSON.parse(text) as Json);
  } catch (cause) {
    throw new UsageError('--scope takes a JSON object, such as {"tables":["public.users"]}', { cause });
  }
}
