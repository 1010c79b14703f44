import type { Command } from 'commander';
import { objectIn, objectsIn, textIn } from '../answer.ts';
import { pathOf } from '../client.ts';
import { example } from '../example.ts';
import { printable } from '../printable.ts';
import type { OpenSession, Session } from '../session.ts';
import { table } from '../table.ts';
import { UsageError } from '../usage-error.ts';

interface AddOptions {
  readonly address: string;
  readonly tokenSecret?: string;
  readonly roleId?: string;
  readonly secretIdSecret?: string;
  readonly mount?: string;
  readonly kv?: '1' | '2';
}

/** Where secrets may be kept besides the data folder and the environment. Nothing here is a secret. */
export function addSecretBackendCommands(program: Command, open: OpenSession): void {
  program
    .command('secret-backend:add <name>')
    .description('connect a Vault (or OpenBao): secrets can be mapped to vault:<name>')
    .requiredOption(
      '--address <origin>',
      'https://vault.example.com:8200; http only on the machine of the host',
    )
    .option('--token-secret <name>', 'the secret of the data folder or the environment that holds its token')
    .option('--role-id <id>', 'of an AppRole, instead of a token')
    .option('--secret-id-secret <name>', 'the secret that holds the secret id of the AppRole')
    .option('--mount <path>', 'of the key-value engine (default: secret)')
    .option('--kv <version>', 'of the key-value engine: 1 or 2 (default: 2)')
    .addHelpText(
      'after',
      example('secret-backend:add main --address https://vault.example.com:8200 --token-secret VAULT_TOKEN'),
    )
    .action((name: string, options: AddOptions, command: Command) => add(open(command), name, options));
  program
    .command('secret-backend:list')
    .description('the Vaults that the host is connected with')
    .addHelpText('after', example('secret-backend:list'))
    .action((_options: unknown, command: Command) => list(open(command)));
  program
    .command('secret-backend:remove <name>')
    .description('disconnect a Vault that no secret is mapped to')
    .addHelpText('after', example('secret-backend:remove main'))
    .action((name: string, _options: unknown, command: Command) => remove(open(command), name));
}

async function add(session: Session, name: string, options: AddOptions): Promise<void> {
  const { address: url, tokenSecret, roleId, secretIdSecret, mount, kv } = options;
  const entered = roleId === undefined ? tokenSecret : secretIdSecret;
  if (entered === undefined)
    throw new UsageError('--token-secret is needed, or --role-id with --secret-id-secret');
  const body = {
    ...{ name, url, secret: entered },
    ...(roleId === undefined ? {} : { roleId }),
    ...(mount === undefined ? {} : { mount }),
    ...(kv === undefined ? {} : { kvVersion: Number(kv) }),
  };
  const added = objectIn(await session.client().send('POST', '/v1/secret-backends', body));
  session.output.print(added, () => `vault:${name} is ${printable(textIn(added, 'url'))}`);
}

async function list(session: Session): Promise<void> {
  const rows = objectsIn(objectIn(await session.client().get('/v1/secret-backends')).backends);
  session.output.print(rows, () =>
    table(rows, [
      ['backend', (row) => `vault:${textIn(row, 'name')}`],
      ['url', (row) => textIn(row, 'url')],
      ['mount', (row) => textIn(row, 'mount')],
      ['secret', (row) => textIn(row, 'secret')],
      ['role', (row) => textIn(row, 'roleId')],
    ]),
  );
}

async function remove(session: Session, name: string): Promise<void> {
  const answer = await session.client().send('DELETE', pathOf('v1', 'secret-backends', name));
  session.output.print(answer, () => `vault:${printable(name)} is disconnected`);
}
