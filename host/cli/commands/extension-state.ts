import type { Command } from 'commander';
import type { JsonObject } from '../../../manifests/json.ts';
import type { ExtensionId } from '../../../manifests/manifest/manifest.ts';
import { objectIn, textIn } from '../answer.ts';
import { confirm } from '../confirm.ts';
import { example } from '../example.ts';
import { extensionPath, toExtensionId } from '../extension-id.ts';
import { type LockOptions, openLock } from '../lock-file.ts';
import { followHost } from '../resolution.ts';
import { runOperation } from '../run-operation.ts';
import type { OpenSession, Session } from '../session.ts';
import { UsageError } from '../usage-error.ts';
import { disableThirdParty } from './kill-switch.ts';

interface UninstallOptions extends LockOptions {
  readonly purge?: boolean;
}

/** Enabling, disabling and uninstalling. */
export function addStateCommands(program: Command, open: OpenSession): void {
  program
    .command('extension:enable <id>')
    .description('run an installed extension')
    .addHelpText('after', example('extension:enable acme/hello'))
    .action((id: string, _options: unknown, command: Command) => enable(open(command), toExtensionId(id)));
  program
    .command('extension:disable [id]')
    .description('stop an extension; what it stored and was granted stays')
    .option('--all-third-party', 'stop every extension that is not of publisher magflock')
    .addHelpText(
      'after',
      example('extension:disable acme/hello --yes', 'extension:disable --all-third-party --yes'),
    )
    .action(
      (id: string | undefined, { allThirdParty = false }: { allThirdParty?: boolean }, command: Command) => {
        if (allThirdParty === (id !== undefined))
          throw new UsageError('name an extension, or say --all-third-party');
        return id === undefined
          ? disableThirdParty(open(command))
          : disable(open(command), toExtensionId(id));
      },
    );
  program
    .command('extension:uninstall <id>')
    .description('remove a disabled extension')
    .option('--purge', 'drop the data it stored as well')
    .option('--lock <file>', 'the lock file (default: mag.lock in this folder)')
    .option('--no-lock', 'neither read nor write a lock file')
    .addHelpText('after', example('extension:uninstall acme/hello --yes'))
    .action((id: string, options: UninstallOptions, command: Command) =>
      uninstall(open(command), toExtensionId(id), options),
    );
}

/** What the host says about an extension. @throws `E_NOT_FOUND` */
export async function readExtension(session: Session, id: ExtensionId): Promise<JsonObject> {
  return objectIn(await session.client().get(extensionPath(id)));
}

async function enable(session: Session, id: ExtensionId): Promise<void> {
  if ((await readExtension(session, id)).state === 'enabled')
    return finish(session, id, 'is enabled already');
  await runOperation(session, id, 'enable');
  await finish(session, id, 'is enabled');
}

async function disable(session: Session, id: ExtensionId): Promise<void> {
  if ((await readExtension(session, id)).state === 'disabled') {
    return finish(session, id, 'is disabled already');
  }
  await confirm(session, `Stop ${id}? Its endpoints and hooks go away.`);
  await runOperation(session, id, 'disable');
  await finish(session, id, 'is disabled');
}

async function uninstall(session: Session, id: ExtensionId, options: UninstallOptions): Promise<void> {
  const { purge = false } = options;
  const lock = await openLock(session, options);
  const fate = purge ? 'Its data is dropped for good.' : 'Data that cannot be migrated down is kept.';
  await confirm(session, `Uninstall ${id}? ${fate}`);
  const operation = await runOperation(session, id, 'uninstall', { purge });
  await followHost(session, lock, id);
  session.output.print(
    { id, state: 'uninstalled', operation: textIn(operation, 'id') },
    () => `${id} is uninstalled`,
  );
}

/** The last line: where the extension stands now, asked from the host. */
export async function finish(session: Session, id: ExtensionId, outcome: string): Promise<void> {
  const now = await readExtension(session, id);
  const [version, state] = [textIn(now, 'version'), textIn(now, 'state')];
  session.output.print({ id, version, state }, () => `${id} ${version} ${outcome}`);
}
