import { join } from 'node:path';
import type { Command } from 'commander';
import type { SecretFolder } from '../../../adapters/secrets/index.ts';
import { MagError } from '../../../kernel/errors.ts';
import type { JsonObject } from '../../../manifests/json.ts';
import { objectIn, objectsIn, textIn } from '../answer.ts';
import { isRefused } from '../client.ts';
import { example } from '../example.ts';
import { toExtensionId } from '../extension-id.ts';
import { readAll } from '../read-all.ts';
import type { OpenSession, Session } from '../session.ts';
import { table } from '../table.ts';
import { UsageError } from '../usage-error.ts';

interface Options {
  readonly extension?: string;
}

/** What extensions are given by their operators. Values are written on the machine of the host and never shown. */
export function addSecretCommands(program: Command, open: OpenSession): void {
  const whose = ['--extension <id>', 'for this extension alone'] as const;
  program
    .command('secret:set <name>')
    .description('write a secret, read from standard input, into the data folder; the next that asks gets it')
    .option(...whose)
    .addHelpText('after', example('secret:set TRANSLATE_KEY --extension acme/hello < key.txt'))
    .action((name: string, options: Options, command: Command) => set(open(command), name, options));
  program
    .command('secret:bind <name>')
    .description('let an extension have a secret that is not its own: of the data folder or the environment')
    .requiredOption('--extension <id>', 'which extension')
    .option('--to <shared>', 'the secret it gets (default: the one of the same name)')
    .addHelpText('after', example('secret:bind TRANSLATE_KEY --extension acme/hello --to DEEPL_KEY'))
    .action((name: string, options: { extension: string; to?: string }, command: Command) =>
      bind(open(command), name, options),
    );
  program
    .command('secret:list')
    .description('the secrets there are and those that extensions want; never a value')
    .addHelpText('after', example('secret:list'))
    .action((_options: unknown, command: Command) => list(open(command)));
  program
    .command('secret:remove <name>')
    .description('remove a secret from the data folder; of an extension, what it is bound to as well')
    .option(...whose)
    .addHelpText('after', example('secret:remove TRANSLATE_KEY --extension acme/hello'))
    .action((name: string, options: Options, command: Command) => remove(open(command), name, options));
}

async function set(session: Session, name: string, { extension }: Options): Promise<void> {
  const folder = await localFolder(session);
  const secret = { name, extension: extension === undefined ? null : toExtensionId(extension) };
  const { stdin } = session.terminal;
  // What is typed would stay on the screen, and what is an argument in the history and the list of processes.
  if (stdin.isTTY) throw new UsageError('the value comes on standard input: mag secret:set NAME < file');
  await folder.set(secret, await readAll(stdin));
  session.output.print({ ...secret, set: true }, () => `${name} is set${forWhom(secret.extension)}`);
}

async function bind(
  session: Session,
  name: string,
  options: { extension: string; to?: string },
): Promise<void> {
  const folder = await localFolder(session);
  const binding = { name, extension: toExtensionId(options.extension), to: options.to ?? name };
  await folder.bind(binding);
  session.output.print({ ...binding }, () => `${binding.extension} gets ${binding.to} as ${name}`);
}

async function remove(session: Session, name: string, { extension }: Options): Promise<void> {
  const folder = await localFolder(session);
  const secret = { name, extension: extension === undefined ? null : toExtensionId(extension) };
  if (!(await folder.remove(secret)))
    throw new MagError('E_NOT_FOUND', `there is no secret ${name}${forWhom(secret.extension)}`);
  session.output.print({ ...secret, removed: true }, () => `${name} is removed${forWhom(secret.extension)}`);
}

function forWhom(extension: string | null): string {
  return extension === null ? '' : ` for ${extension}`;
}

/** Of the running host, which knows who wants what; without one, of the local data folder. */
async function list(session: Session): Promise<void> {
  const rows = await session
    .client()
    .get('/v1/secrets')
    .then((answer) => objectsIn(objectIn(answer).secrets))
    .catch(async (error: unknown) => {
      if (!isRefused(error) || !session.isLocal()) throw error;
      session.output.say('no host is running: who wants a secret is not known');
      return localRows(await localFolder(session));
    });
  session.output.print(rows, () =>
    table(rows, [
      ['secret', (row) => textIn(row, 'name')],
      ['extension', (row) => textIn(row, 'extension')],
      ['state', (row) => textIn(row, 'state')],
      ['from', (row) => textIn(row, 'from')],
      ['use', (row) => textIn(row, 'use')],
      ['problem', (row) => textIn(row, 'problem')],
    ]),
  );
}

async function localRows(folder: SecretFolder): Promise<JsonObject[]> {
  const rows: JsonObject[] = [];
  for (const secret of await folder.list()) {
    const found = await folder.read(secret);
    const problem = found.state === 'unusable' ? found.why : null;
    rows.push({ ...secret, state: found.state, from: folder.kind, use: null, problem });
  }
  return rows;
}

/**
 * Secrets are written where the host reads them, and travel nowhere.
 * @throws UsageError when the host that is talked to is another machine's
 */
async function localFolder(session: Session): Promise<SecretFolder> {
  if (!session.isLocal()) throw new UsageError('secrets are kept on the machine of the host: run this there');
  const { SecretFolder } = await import('../../../adapters/secrets/index.ts');
  return new SecretFolder(join(session.config().dataDir, 'secrets'));
}
