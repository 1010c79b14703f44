import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { Json, JsonObject } from '../../../manifests/json.ts';
import type { ExtensionId } from '../../../manifests/manifest/manifest.ts';
import { objectIn, objectsIn, textIn } from '../answer.ts';
import { type Approval, approvals } from '../approval.ts';
import { confirm } from '../confirm.ts';
import { example } from '../example.ts';
import { extensionPath, toExtensionId, toRange } from '../extension-id.ts';
import { type LockOptions, openLock, requireWritable } from '../lock-file.ts';
import { printable } from '../printable.ts';
import { followHost, resolutionTable, resolveOnHost, writeLock } from '../resolution.ts';
import { runOperation } from '../run-operation.ts';
import type { OpenSession, Session } from '../session.ts';
import { capabilityTable, describeStaged, stageFile } from '../staging.ts';
import { UsageError } from '../usage-error.ts';
import { installAll, question } from './extension-install.ts';
import { finish } from './extension-state.ts';

interface UpgradeOptions extends LockOptions {
  readonly to: string;
  readonly approve?: string;
}

interface RollbackOptions extends LockOptions {
  readonly to?: string;
  readonly force?: boolean;
}

/** Switching between versions. */
export function addUpgradeCommands(program: Command, open: OpenSession): void {
  program
    .command('extension:upgrade <id>')
    .description('switch to another version without losing a request; the old one is kept for a rollback')
    .requiredOption('--to <package>', 'a package file, or a version or range, of the host or a registry')
    .option('--approve <capabilities>', 'of what is new: "all" or names; without it nothing new is granted')
    .option('--lock <file>', 'the lock file (default: mag.lock in this folder)')
    .option('--no-lock', 'neither read nor write a lock file')
    .addHelpText(
      'after',
      example(
        'extension:upgrade acme/hello --to hello-1.1.0.mag --yes',
        'extension:upgrade acme/hello --to ^1.1.0 --yes',
      ),
    )
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
    .option('--lock <file>', 'the lock file (default: mag.lock in this folder)')
    .option('--no-lock', 'neither read nor write a lock file')
    .addHelpText('after', example('extension:rollback acme/hello --yes'))
    .action((id: string, options: RollbackOptions, command: Command) =>
      rollback(open(command), toExtensionId(id), options),
    );
}

async function upgrade(session: Session, id: ExtensionId, options: UpgradeOptions): Promise<void> {
  const { to, approve } = options;
  if (!session.yes && !session.terminal.stdin.isTTY) {
    throw new UsageError('there is no terminal to ask on: pass --yes to go ahead');
  }
  const lock = await openLock(session, options);
  const file = fileOf(session, to);
  const brought = file === null ? null : textIn(await stageFile(session, file), 'version');
  const packages = await resolveOnHost(
    session,
    { wanted: { [id]: brought ?? toRange(to) }, upgrade: true, staged: brought !== null },
    lock,
  );
  const root = packages.find((row) => row.id === id);
  if (root === undefined || root.action === 'none') return finish(session, id, 'is at this version already');
  if (packages.some(({ registry }) => typeof registry === 'string')) await requireWritable(session, options);
  const version = textIn(root, 'version');
  const fresh = packages.filter((row) => row.action === 'install' && !row.memberOf);
  if (packages.length > 1) session.output.say(`${resolutionTable(packages)}\n`);
  for (const row of fresh) session.output.say(`${describeStaged(row)}\n`);
  session.output.say(`${planText(await planOf(session, id, version))}\n`);
  const granted = grantedTo(fresh, root, options, session.yes);
  const upgrading = `Upgrade ${id} to ${version} and grant ${approve ?? 'nothing'} of what is new?`;
  await confirm(session, fresh.length === 0 ? upgrading : `${question(fresh, granted)} ${upgrading}`);
  await installAll(session, fresh, granted, async () => {
    // What an enabled extension needs runs before it does.
    const needed = root.state === 'enabled' ? fresh.map((row) => toExtensionId(textIn(row, 'id'))) : [];
    for (const other of needed) await runOperation(session, other, 'enable');
    await runOperation(session, id, 'upgrade', { version, ...approvedBody(granted.get(id)) });
  });
  await writeLock(lock, packages);
  await finish(session, id, 'is upgraded');
}

/** Of the extension itself nothing that is new is granted unless it is said; of what is installed for it, as ever. */
function grantedTo(
  fresh: readonly JsonObject[],
  root: JsonObject,
  { approve }: UpgradeOptions,
  yes: boolean,
): Map<string, Approval> {
  if (approve === undefined) return approvals(fresh, approve, yes);
  return approvals([...fresh, root], approve, yes);
}

async function rollback(session: Session, id: ExtensionId, options: RollbackOptions): Promise<void> {
  const { to, force = false } = options;
  const lock = await openLock(session, options);
  await confirm(session, `Roll ${id} back to ${to ?? 'the version before'}?`);
  await runOperation(session, id, 'rollback', { force, ...(to === undefined ? {} : { version: to }) });
  await followHost(session, lock, id);
  await finish(session, id, 'is rolled back');
}

/** The path, when it is a file that is meant. */
function fileOf(session: Session, to: string): string | null {
  const file = resolve(session.terminal.cwd, to);
  return to.endsWith('.mag') || existsSync(file) ? file : null;
}

/** A file is staged first; anything else is a version. */
async function versionOf(session: Session, to: string): Promise<string> {
  const file = fileOf(session, to);
  return file === null ? to : textIn(await stageFile(session, file), 'version');
}

async function planOf(session: Session, id: ExtensionId, version: string): Promise<JsonObject> {
  const query = new URLSearchParams({ version });
  return objectIn(await session.client().get(`${extensionPath(id, 'upgrade-plan')}?${query}`));
}

function approvedBody(approve: Approval | undefined): { approve?: Json } {
  if (approve === undefined) return {};
  return { approve: approve === 'all' ? 'all' : [...approve] };
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
    ...line('members', memberSwitches(plan)),
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

/** Of a bundle: `acme/notes 1.0.0 -> 1.1.0`. */
function memberSwitches({ members }: JsonObject): string[] {
  if (!Array.isArray(members)) return [];
  return objectsIn(members).map((row) => {
    const from = textIn(row, 'from');
    return `${textIn(row, 'id')} ${from === '' ? 'new' : from} -> ${textIn(row, 'to')}`;
  });
}

function line(label: string, names: Json | undefined): string[] {
  if (!Array.isArray(names) || names.length === 0) return [];
  return [printable(`${label}: ${names.join(', ')}`)];
}
