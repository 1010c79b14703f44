import type { Command } from 'commander';
import type { JsonObject } from '../../../manifests/json.ts';
import { objectIn, objectsIn, textIn } from '../answer.ts';
import { pathOf } from '../client.ts';
import { example } from '../example.ts';
import { printable } from '../printable.ts';
import type { OpenSession, Session } from '../session.ts';
import { table } from '../table.ts';

interface AddOptions {
  readonly username?: string;
  readonly passwordSecret?: string;
  readonly prefix?: string;
}

/** Stores that extensions keep data in. */
export function addStoreCommands(program: Command, open: OpenSession): void {
  program
    .command('store:add <name> <url>')
    .description('connect a Redis server as a store that extensions can keep data in; rediss: with TLS')
    .option('--username <user>', 'the user to log in as')
    .option('--password-secret <name>', 'the shared secret that is the password: mag secret:set <name>')
    .option(
      '--prefix <prefix>',
      'what its keys begin with (default: mag), for several installations on one server',
    )
    .addHelpText(
      'after',
      example('store:add fast redis://cache.internal:6379/0 --password-secret CACHE_PASSWORD'),
    )
    .action((name: string, url: string, options: AddOptions, command: Command) =>
      add(open(command), { name, url, ...options }),
    );
  program
    .command('store:list')
    .description('the stores that extensions can keep data in')
    .addHelpText('after', example('store:list'))
    .action((_options: unknown, command: Command) => list(open(command)));
  program
    .command('store:check <name>')
    .description('whether a store answers, how safe data is in it, and who keeps some there')
    .addHelpText('after', example('store:check fast'))
    .action((name: string, _options: unknown, command: Command) => check(open(command), name));
  program
    .command('store:remove <name>')
    .description('disconnect a store; refused while extensions keep data in it')
    .option('--force', 'disconnect it all the same: the data is left where it is')
    .addHelpText('after', example('store:remove fast'))
    .action((name: string, { force }: { force?: true }, command: Command) =>
      remove(open(command), name, force ?? false),
    );
}

async function add(session: Session, store: AddOptions & { name: string; url: string }): Promise<void> {
  const added = objectIn(await session.client().send('POST', '/v1/stores', { ...store }));
  session.output.print(added, () => reportOf(objectIn(added.check)));
}

async function list(session: Session): Promise<void> {
  const stores = objectsIn(objectIn(await session.client().get('/v1/stores')).stores);
  session.output.print(stores, () =>
    table(stores, [
      ['store', (row) => textIn(row, 'name')],
      ['kind', (row) => textIn(row, 'kind')],
      ['address', (row) => textIn(row, 'url')],
      ['username', (row) => textIn(row, 'username')],
      ['password from', (row) => textIn(row, 'passwordSecret')],
      ['prefix', (row) => textIn(row, 'prefix')],
    ]),
  );
}

async function check(session: Session, name: string): Promise<void> {
  const report = objectIn(await session.client().get(pathOf('v1', 'stores', name, 'check')));
  session.output.print(report, () => reportOf(report));
}

async function remove(session: Session, name: string, force: boolean): Promise<void> {
  const answer = await session.client().send('DELETE', `${pathOf('v1', 'stores', name)}?force=${force}`);
  session.output.print(answer, () => `${printable(name)} is a store no longer`);
}

function reportOf(report: JsonObject): string {
  const name = printable(textIn(report, 'name'));
  if (report.ok !== true)
    return `${name} cannot be used: ${printable(textIn(report, 'detail'))} (${textIn(report, 'code')})`;
  const texts = (value: unknown) =>
    Array.isArray(value) ? value.map((each) => printable(String(each))) : [];
  const holders = texts(report.holders).join(', ') || 'nobody';
  return [
    `${name} answers: ${printable(textIn(report, 'server'))}, ${String(report.latencyMs)} ms; data of ${holders}`,
    ...texts(report.warnings).map((warning) => `warning: ${warning}`),
  ].join('\n');
}
