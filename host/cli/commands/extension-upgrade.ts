import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { Json, JsonObject } from '../../../manifests/json.ts';
import type { ExtensionId } from '../../../manifests/manifest/manifest.ts';
import { objectIn, objectsIn, textIn } from '../answer.ts';
import { confirm } from '../confirm.ts';
import { example } from '../example.ts';
import { extensionPath, toExtensionId } from '../extension-id.ts';
import { printable } from '../printable.ts';
import { runOperation } from '../run-operation.ts';
import type { OpenSession, Session } from '../session.ts';
import { capabilityTable, stageFile } from '../staging.ts';
import { UsageError } from '../usage-error.ts';
import { finish, readExtension } from './extension-state.ts';

interface UpgradeOptions {
  readonly to: string;
  readonly approve?: string;
}

interface RollbackOptions {
  readonly to?: string;
  readonly force?: boolean;
}

/** Switching between versions. */
export function addUpgradeCommands(program: Command, open: OpenSession): void {
  program
    .command('extension:upgrade <id>')
    .description('switch to another version without losing a request; the old one is kept for a rollback')
    .requiredOption('--to <package>', 'a package file, or a version the host has')
    .option('--approve <capabilities>', 'of what is new: "all" or names; without it nothing new is granted')
    .addHelpText('after', example('extension:upgrade acme/hello --to hello-1.1.0.mag --yes'))
    .action((id: string, options: UpgradeOptions, command: Command) =>
      upgrade(open(command), toExtensionId(id), options),
    );
  program
    .command('extension:upgrade-plan <id>')
    .description('what an upgrade would change: capabilities, dependencies, migrations, contributions')
    .requiredOption('--to <package>', 'a package file, or a version the host has')
    .addHelpText('after', example('extension:upgrade-plan acme/hello --to 1.1.0'))
    .action(async (id: string, { to }: UpgradeOptions, command: Command) => {
      const session = open(command);
      const plan = await planOf(session, toExtensionId(id), await versionOf(session, to));
      session.output.print(plan, () => planText(plan));
    });
  program
    .command('extension:rollback <id>')
    .description('go back to a kept version, by default the one before')
    .option('--to <version>', 'one of the kept versions, see extension:show')
    .option('--force', 'go back although a migration stays that cannot be reversed')
    .addHelpText('after', example('extension:rollback acme/hello --yes'))
    .action((id: string, options: RollbackOptions, command: Command) =>
      rollback(open(command), toExtensionId(id), options),
    );
}

async function upgrade(session: Session, id: ExtensionId, { to, approve }: UpgradeOptions): Promise<void> {
  if (!session.yes && !session.terminal.stdin.isTTY) {
    throw new UsageError('there is no terminal to ask on: pass --yes to go ahead');
  }
  const version = await versionOf(session, to);
  if ((await readExtension(session, id)).version === version)
    return finish(session, id, 'is at this version already');
  session.output.say(`${planText(await planOf(session, id, version))}\n`);
  await confirm(session, `Upgrade ${id} to ${version} and grant ${approve ?? 'nothing'} of what is new?`);
  await runOperation(session, id, 'upgrade', { version, ...approvedBody(approve) });
  await finish(session, id, 'is upgraded');
}

async function rollback(
  session: Session,
  id: ExtensionId,
  { to, force = false }: RollbackOptions,
): Promise<void> {
  await confirm(session, `Roll ${id} back to ${to ?? 'the version before'}?`);
  await runOperation(session, id, 'rollback', { force, ...(to === undefined ? {} : { version: to }) });
  await finish(session, id, 'is rolled back');
}

/** A file is staged first; anything else is a version. */
async function versionOf(session: Session, to: string): Promise<string> {
  const file = resolve(session.terminal.cwd, to);
  if (!to.endsWith('.mag') && !existsSync(file)) return to;
  return textIn(await stageFile(session, file), 'version');
}

async function planOf(session: Session, id: ExtensionId, version: string): Promise<JsonObject> {
  const query = new URLSearchParams({ version });
  return objectIn(await session.client().get(`${extensionPath(id, 'upgrade-plan')}?${query}`));
}

function approvedBody(approve: string | undefined): { approve?: Json } {
  if (approve === undefined) return {};
  return { approve: approve === 'all' ? 'all' : approve.split(',').map((name) => name.trim()) };
}

function planText(plan: JsonObject): string {
  const capabilities = objectIn(plan.capabilities);
  const migrations = objectIn(plan.migrations);
  const contributions = objectIn(plan.contributions);
  const size = objectIn(plan.sizeBytes);
  const added = objectsIn(capabilities.added);
  return [
    `${textIn(plan, 'from')} -> ${textIn(plan, 'to')} (${textIn(size, 'from')} -> ${textIn(size, 'to')} bytes)`,
    ...(added.length === 0 ? ['It asks for nothing new.'] : ['It asks for more:', capabilityTable(added)]),
    ...line('no longer asks for', capabilities.removed),
    ...line(
      'other scopes for',
      objectsIn(capabilities.changed).map((row) => textIn(row, 'name')),
    ),
    ...line('migrations to run', migrations.run),
    ...line('of these irreversible', migrations.irreversible),
    ...line('adds', contributions.added),
    ...line('removes', contributions.removed),
  ].join('\n');
}

function line(label: string, names: Json | undefined): string[] {
  if (!Array.isArray(names) || names.length === 0) return [];
  return [printable(`${label}: ${names.join(', ')}`)];
}
