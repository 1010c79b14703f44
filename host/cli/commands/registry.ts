import { resolve } from 'node:path';
import type { Command } from 'commander';
import { MagError } from '../../../kernel/errors.ts';
import type { JsonObject } from '../../../manifests/json.ts';
import { objectIn, objectsIn, textIn } from '../answer.ts';
import { pathOf } from '../client.ts';
import { example } from '../example.ts';
import { printable } from '../printable.ts';
import { readFileOrRefuse, readIfThere } from '../read-file.ts';
import type { OpenSession, Session } from '../session.ts';
import { ATTESTATIONS_SUFFIX, BUNDLE_SUFFIX } from '../staging.ts';
import { table } from '../table.ts';

/** Where packages are looked for by their ids, and brought to. */
export function addRegistryCommands(program: Command, open: OpenSession): void {
  program
    .command('registry:add <name> <location>')
    .description('look for packages in a folder of the host, or behind an https address')
    .option('--allow-http', 'the address may be of http, on the machine of the host')
    .addHelpText(
      'after',
      example('registry:add team ../registry', 'registry:add corp https://packages.example.com/magflock/'),
    )
    .action((name: string, location: string, { allowHttp }: { allowHttp?: true }, command: Command) =>
      add(open(command), name, location, allowHttp),
    );
  program
    .command('registry:list')
    .description('where packages are looked for, in that order')
    .addHelpText('after', example('registry:list'))
    .action((_options: unknown, command: Command) => list(open(command)));
  program
    .command('registry:remove <name>')
    .description('look for packages there no longer; what was installed stays')
    .addHelpText('after', example('registry:remove team'))
    .action((name: string, _options: unknown, command: Command) => remove(open(command), name));
  program
    .command('extension:search [text]')
    .description('what the registries list; nothing of it is verified before it is installed')
    .addHelpText('after', example('extension:search translate'))
    .action((text: string | undefined, _options: unknown, command: Command) =>
      search(open(command), text ?? ''),
    );
  program
    .command('extension:publish <file>')
    .description(
      'put a signed package into a registry that is a folder, with the reviews and provenance beside it',
    )
    .requiredOption('--registry <name>', 'a folder, or the name of a registry of the host')
    .addHelpText('after', example('extension:publish acme-hello-1.0.0.mag --registry ../registry'))
    .action((file: string, { registry }: { registry: string }, command: Command) =>
      publishFile(open(command), file, registry),
    );
}

const ADDRESS = /^[a-z]+:\/\//i;

async function add(session: Session, name: string, location: string, allowHttp?: true): Promise<void> {
  const isAddress = ADDRESS.test(location);
  const where = isAddress ? location : resolve(session.terminal.cwd, location);
  const body = { name, location: where, ...(allowHttp === undefined ? {} : { allowHttp }) };
  const added = objectIn(await session.client().send('POST', '/v1/registries', body));
  session.output.print(added, () => `${name}: ${printable(textIn(added, 'location'))}`);
}

async function list(session: Session): Promise<void> {
  const registries = await registriesOf(session);
  session.output.print(registries, () =>
    table(registries, [
      ['registry', (row) => textIn(row, 'name')],
      ['location', (row) => textIn(row, 'location')],
    ]),
  );
}

async function remove(session: Session, name: string): Promise<void> {
  const answer = await session.client().send('DELETE', pathOf('v1', 'registries', name));
  session.output.print(answer, () => `${printable(name)} is asked no longer`);
}

async function search(session: Session, text: string): Promise<void> {
  const answer = objectIn(await session.client().get('/v1/packages', { text }));
  for (const row of objectsIn(answer.unreadable))
    session.output.say(printable(`warning: ${textIn(row, 'detail')} (${textIn(row, 'code')})`));
  const packages = objectsIn(answer.packages);
  session.output.print(packages, () =>
    table(packages, [
      ['package', (row) => textIn(row, 'id')],
      ['version', (row) => textIn(row, 'version')],
      ['kind', (row) => textIn(row, 'kind')],
      ['registry', (row) => textIn(row, 'registry')],
      ['description', (row) => textIn(row, 'description')],
    ]),
  );
}

async function publishFile(session: Session, name: string, registry: string): Promise<void> {
  const file = resolve(session.terminal.cwd, name);
  const archive = await readFileOrRefuse(file, 'package');
  const bundle = (await readIfThere(file + BUNDLE_SUFFIX))?.toString() ?? null;
  const { publish } = await import('../../registries/publish.ts');
  const attestations = (await readIfThere(file + ATTESTATIONS_SUFFIX))?.toString() ?? null;
  const files = { archive, bundle, attestations };
  const { entry, again } = await publish(await folderOf(session, registry), files);
  const { id, version, digest } = entry;
  session.output.print({ id, version, digest, registry, again }, () =>
    again ? `${id} ${version} was published already` : `${id} ${version} is published (${digest})`,
  );
}

/** What looks like a path is one, and no host is asked: authors publish without any. */
async function folderOf(session: Session, registry: string): Promise<string> {
  if (ADDRESS.test(registry)) throw elsewhere(registry);
  if (/[/\\.]/.test(registry)) return resolve(session.terminal.cwd, registry);
  const known = (await registriesOf(session)).find(({ name }) => name === registry);
  if (known === undefined)
    throw new MagError('E_NOT_FOUND', `the host has no registry ${registry}; a folder is written with a /`);
  const location = textIn(known, 'location');
  if (ADDRESS.test(location) || !session.isLocal()) throw elsewhere(registry);
  return location;
}

function elsewhere(registry: string): MagError {
  return new MagError(
    'E_BAD_REQUEST',
    `${registry} is no folder of this machine: publish where it is served from`,
  );
}

async function registriesOf(session: Session): Promise<JsonObject[]> {
  return objectsIn(objectIn(await session.client().get('/v1/registries')).registries);
}
