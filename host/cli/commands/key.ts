import { type Command, Option } from 'commander';
import type { JsonObject } from '../../../manifests/json.ts';
import { objectIn, objectsIn, textIn } from '../answer.ts';
import { example } from '../example.ts';
import { extensionPath, toExtensionId } from '../extension-id.ts';
import type { OpenSession, Session } from '../session.ts';
import { table } from '../table.ts';

/** Keys that extensions sign with. Their private halves are in no answer of the host. */
export function addKeyCommands(program: Command, open: OpenSession): void {
  program
    .command('key:create <extension> <name>')
    .description('make a key that an extension signs with; it stays on the host')
    .addOption(
      new Option('--type <type>', 'of which kind').choices(['ed25519', 'p256', 'hmac']).default('ed25519'),
    )
    .addHelpText('after', example('key:create acme/hello receipts --type p256'))
    .action((id: string, name: string, options: { type: string }, command: Command) =>
      create(open(command), id, name, options.type),
    );
  program
    .command('key:rotate <extension> <name>')
    .description('make a new version of a key; what the old ones signed still verifies')
    .addHelpText('after', example('key:rotate acme/hello receipts'))
    .action((id: string, name: string, _options: unknown, command: Command) =>
      rotate(open(command), id, name),
    );
  program
    .command('key:list <extension>')
    .description('the keys of an extension on this host')
    .addHelpText('after', example('key:list acme/hello'))
    .action((id: string, _options: unknown, command: Command) => list(open(command), id));
}

async function create(session: Session, text: string, name: string, type: string): Promise<void> {
  const id = toExtensionId(text);
  const key = objectIn(await session.client().send('POST', extensionPath(id, 'keys'), { name, type }));
  session.output.print(key, () => `${id} signs as ${textIn(key, 'keyId')} with the key ${name}`);
}

async function rotate(session: Session, text: string, name: string): Promise<void> {
  const id = toExtensionId(text);
  const key = objectIn(await session.client().send('POST', extensionPath(id, 'keys', name, 'rotate')));
  session.output.print(key, () => `${id} signs as ${textIn(key, 'keyId')} with the key ${name} from now on`);
}

async function list(session: Session, text: string): Promise<void> {
  const answer = objectIn(await session.client().get(extensionPath(toExtensionId(text), 'keys')));
  const keys = objectsIn(answer.keys);
  session.output.print(keys, () =>
    table(keys, [
      ['key', (row) => textIn(row, 'name')],
      ['type', (row) => textIn(row, 'type')],
      ['signs as', (row) => textIn(row, 'keyId')],
      ['since', (row) => textIn(row, 'createdAt')],
      ['before', (row) => previousIds(row)],
    ]),
  );
}

function previousIds(row: JsonObject): string {
  return objectsIn(row.previous)
    .map((version) => textIn(version, 'keyId'))
    .join(', ');
}
