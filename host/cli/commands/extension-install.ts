import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { messageOf } from '../../../kernel/errors.ts';
import type { JsonObject } from '../../../manifests/json.ts';
import { objectIn, textIn } from '../answer.ts';
import { type Approval, approvals } from '../approval.ts';
import { confirm } from '../confirm.ts';
import { example } from '../example.ts';
import { toExtensionId, toExtensionRange } from '../extension-id.ts';
import { type LockFile, type LockOptions, openLock, requireWritable } from '../lock-file.ts';
import { printable } from '../printable.ts';
import { resolutionTable, resolveOnHost, type Wanted, writeLock } from '../resolution.ts';
import { runOperation } from '../run-operation.ts';
import type { OpenSession, Session } from '../session.ts';
import { describeStaged, stageFile } from '../staging.ts';
import { UsageError } from '../usage-error.ts';
import { finish, readExtension } from './extension-state.ts';

interface InstallOptions extends LockOptions {
  readonly approve?: string;
  readonly enable?: boolean;
  readonly locked?: boolean;
  readonly frozen?: boolean;
}

/** What is about to be done, dependencies first. */
interface Plan {
  /** What was asked for. */
  readonly roots: readonly string[];
  readonly packages: readonly JsonObject[];
}

const INSTALLED = new Set(['installed', 'enabled', 'disabled', 'quarantined']);

export function addInstallCommands(program: Command, open: OpenSession): void {
  program
    .command('extension:install [package]')
    .description('install a signed package with what it needs: <file.mag>, or <id>[@range] from a registry')
    .option('--approve <capabilities>', '"all" or names, comma-separated; what is left out is not granted')
    .option('--enable', 'enable it as well')
    .option('--locked', 'only what the lock file says; without a package: all of it')
    .option('--frozen', 'the same as --locked')
    .option('--lock <file>', 'the lock file (default: mag.lock in this folder)')
    .option('--no-lock', 'neither read nor write a lock file')
    .addHelpText(
      'after',
      example(
        'extension:install acme-hello-1.0.0.mag --approve all --enable --yes',
        'extension:install acme/hello@^1.0.0 --approve database.read',
        'extension:install --locked --approve all --enable --yes',
      ),
    )
    .action((what: string | undefined, options: InstallOptions, command: Command) =>
      install(open(command), what, options),
    );
}

async function install(session: Session, what: string | undefined, options: InstallOptions): Promise<void> {
  if (!session.yes && !session.terminal.stdin.isTTY) {
    throw new UsageError('there is no terminal to ask on: pass --approve and --yes to go ahead');
  }
  const lock = await openLock(session, options);
  const { roots, packages } = await plan(session, what, options, lock);
  // A bundle installs its members itself.
  const fresh = packages.filter(({ action, memberOf }) => action === 'install' && !memberOf);
  if (packages.some(({ registry }) => typeof registry === 'string')) await requireWritable(session, options);
  if (fresh.length > 0) {
    const granted = approvals(fresh, options.approve, session.yes);
    await confirm(session, question(fresh, granted));
    await installAll(session, fresh, granted);
  }
  await writeLock(lock, packages);
  const asked = packages.filter((row) => roots.includes(textIn(row, 'id')));
  await enableAndFinish(session, asked, options.enable === true);
}

/** Finds what is to be installed, and shows what it asks for. */
async function plan(
  session: Session,
  what: string | undefined,
  options: InstallOptions,
  lock: LockFile | null,
): Promise<Plan> {
  const frozen = options.locked === true || options.frozen === true;
  if (frozen && lock === null) throw new UsageError('--locked needs the lock file');
  if (what === undefined) {
    if (!frozen) throw new UsageError('name a package, or say --locked');
    const wanted = Object.fromEntries([...(lock?.packages ?? [])].map(([id, { version }]) => [id, version]));
    if (Object.keys(wanted).length === 0) throw new UsageError('there is nothing in the lock file');
    return resolved(session, { wanted }, lock, true);
  }
  const file = resolve(session.terminal.cwd, what);
  if (what.endsWith('.mag') || existsSync(file)) {
    if (frozen) throw new UsageError('--locked takes ids: a file is not what the lock file says');
    return fromFile(session, file, lock);
  }
  const { id, range } = toExtensionRange(what);
  return resolved(session, { wanted: { [id]: range } }, lock, frozen);
}

async function fromFile(session: Session, file: string, lock: LockFile | null): Promise<Plan> {
  const staged = await stageFile(session, file);
  const [id, version] = [textIn(staged, 'id'), textIn(staged, 'version')];
  if (Object.keys(objectIn(staged.dependencies)).length > 0)
    return resolved(session, { wanted: { [id]: version }, staged: true }, lock);
  session.output.say(`${describeStaged(staged)}\n`);
  const now = await readExtension(session, toExtensionId(id));
  const isThere = now.version === version && INSTALLED.has(textIn(now, 'state'));
  return {
    roots: [id],
    packages: [{ ...staged, state: now.state ?? null, action: isThere ? 'none' : 'install', registry: null }],
  };
}

async function resolved(
  session: Session,
  wanted: Wanted,
  lock: LockFile | null,
  frozen = false,
): Promise<Plan> {
  const packages = await resolveOnHost(session, wanted, lock, frozen);
  if (packages.length > 1) session.output.say(`${resolutionTable(packages)}\n`);
  for (const row of packages)
    if (row.action === 'install' && !row.memberOf) session.output.say(`${describeStaged(row)}\n`);
  return { roots: Object.keys(wanted.wanted), packages };
}

/** All or nothing: what this command has installed goes again when a later one fails, or what comes last does. */
export async function installAll(
  session: Session,
  fresh: readonly JsonObject[],
  granted: ReadonlyMap<string, Approval>,
  last: () => Promise<unknown> = async () => {},
): Promise<void> {
  const done: string[] = [];
  try {
    for (const row of fresh) {
      const id = textIn(row, 'id');
      const approve = granted.get(id) ?? [];
      const body = { version: textIn(row, 'version'), approve: approve === 'all' ? approve : [...approve] };
      await runOperation(session, toExtensionId(id), 'install', body);
      done.push(id);
    }
    await last();
  } catch (failure) {
    for (const id of done.reverse()) await undo(session, id);
    throw failure;
  }
}

/** The failure that led here is told, whatever becomes of this. */
async function undo(session: Session, id: string): Promise<void> {
  try {
    const { state } = await readExtension(session, toExtensionId(id));
    if (state === 'enabled') await runOperation(session, toExtensionId(id), 'disable');
    await runOperation(session, toExtensionId(id), 'uninstall');
  } catch (failure) {
    session.output.say(printable(`${id} stays installed: ${messageOf(failure)}`));
  }
}

/** Enabling one enables what it needs first: the host sees to that. */
async function enableAndFinish(
  session: Session,
  roots: readonly JsonObject[],
  enable: boolean,
): Promise<void> {
  const ids = roots.map((row) => toExtensionId(textIn(row, 'id')));
  const enabledNow = new Set<string>();
  for (const [at, id] of enable ? ids.entries() : []) {
    const row = roots[at];
    if (row?.action === 'none' && row.state === 'enabled') continue;
    if (ids.length > 1 && (await readExtension(session, id)).state === 'enabled') continue; // with another one
    await runOperation(session, id, 'enable');
    enabledNow.add(id);
  }
  const [only] = ids;
  if (only !== undefined && ids.length === 1)
    return finish(session, only, outcome(roots[0]?.action === 'none', enabledNow.has(only)));
  const now = await Promise.all(ids.map((id) => readExtension(session, id)));
  const rows = now.map(({ id = '', version = '', state = '' }) => ({ id, version, state }));
  session.output.print(rows, () =>
    rows.map((row) => `${textIn(row, 'id')} ${textIn(row, 'version')} is ${textIn(row, 'state')}`).join('\n'),
  );
}

export function question(fresh: readonly JsonObject[], granted: ReadonlyMap<string, Approval>): string {
  const what = fresh.map((row) => {
    const approve = granted.get(textIn(row, 'id')) ?? [];
    const grants = approve === 'all' ? 'all of the above' : approve.join(', ') || 'nothing';
    return `${textIn(row, 'id')} ${textIn(row, 'version')} and grant ${grants}`;
  });
  return `Install ${what.join('; ')}?`;
}

function outcome(installed: boolean, enabledNow: boolean): string {
  if (!installed) return enabledNow ? 'is installed and enabled' : 'is installed';
  return enabledNow ? 'was installed already and is enabled' : 'is installed already';
}
