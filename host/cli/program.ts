import { Command, Option } from 'commander';
import { addAuditCommands } from './commands/audit.ts';
import { addBackupCommands } from './commands/backup.ts';
import { addCommandCommands } from './commands/command.ts';
import { addDeadLetterCommands } from './commands/dead-letter.ts';
import { addEventCommands } from './commands/event.ts';
import { addExtensionCommands } from './commands/extension.ts';
import { addAuthorCommands } from './commands/extension-author.ts';
import { addDevCommands } from './commands/extension-dev.ts';
import { addInstallCommands } from './commands/extension-install.ts';
import { addLogCommands } from './commands/extension-logs.ts';
import { addReviewCommands } from './commands/extension-review.ts';
import { addStateCommands } from './commands/extension-state.ts';
import { addUpgradeCommands } from './commands/extension-upgrade.ts';
import { addGrantCommands } from './commands/grant.ts';
import { addHostCommands } from './commands/host.ts';
import { addJobCommands } from './commands/job.ts';
import { addKeyCommands } from './commands/key.ts';
import { addOperationCommands } from './commands/operation.ts';
import { addProjectCommands } from './commands/project.ts';
import { addRegistryCommands } from './commands/registry.ts';
import { addReviewerCommands } from './commands/reviewer.ts';
import { addRevocationCommands } from './commands/revocation.ts';
import { addRoleCommands } from './commands/role.ts';
import { addSecretCommands } from './commands/secret.ts';
import { addSecretBackendCommands } from './commands/secret-backend.ts';
import { addSessionCommands } from './commands/session.ts';
import { addStoreCommands } from './commands/store.ts';
import { addTokenCommands } from './commands/token.ts';
import { addTrustCommands } from './commands/trust.ts';
import { addUserCommands } from './commands/user.ts';
import { isContributed } from './contributed.ts';
import { nearest } from './nearest.ts';
import { FORMATS, toFormat } from './output.ts';
import { printable } from './printable.ts';
import { createSession, type GlobalOptions, type OpenSession } from './session.ts';
import type { Terminal } from './terminal.ts';
import { UsageError } from './usage-error.ts';

/** Adds the commands of one topic. */
type AddCommands = (program: Command, open: OpenSession) => void;

const TOPICS: readonly (readonly [heading: string, add: AddCommands])[] = [
  ['Host:', addHostCommands],
  ['Writing extensions:', addAuthorCommands],
  ['Writing extensions:', addDevCommands],
  ['Writing extensions:', addReviewCommands],
  ['Running extensions:', addInstallCommands],
  ['Running extensions:', addStateCommands],
  ['Running extensions:', addUpgradeCommands],
  ['Running extensions:', addExtensionCommands],
  ['Running extensions:', addLogCommands],
  ['Running extensions:', addOperationCommands],
  ['Running extensions:', addJobCommands],
  ['Running extensions:', addCommandCommands],
  ['Registries:', addRegistryCommands],
  ['Capabilities:', addGrantCommands],
  ['Secrets and keys:', addSecretCommands],
  ['Secrets and keys:', addSecretBackendCommands],
  ['Secrets and keys:', addKeyCommands],
  ['Stores:', addStoreCommands],
  ['Trust:', addTrustCommands],
  ['Revocations:', addRevocationCommands],
  ['Trust:', addReviewerCommands],
  ['Events:', addEventCommands],
  ['Events:', addDeadLetterCommands],
  ['Audit:', addAuditCommands],
  ['People and tokens:', addUserCommands],
  ['People and tokens:', addRoleCommands],
  ['People and tokens:', addSessionCommands],
  ['People and tokens:', addTokenCommands],
  ['Databases:', addProjectCommands],
  ['Databases:', addBackupCommands],
];

/** The whole command line. It never exits: help, usage errors and refusals are thrown. */
export function createProgram(terminal: Terminal): Command {
  const program = new Command('mag')
    .description('Installs, watches and revokes extensions of a MagFlock host, and helps to write them.')
    .addOption(
      new Option(
        '-o, --output <format>',
        `how answers are printed: ${FORMATS.join(', ')}, or one of an extension`,
      )
        .default('table')
        .argParser(toOutput),
    )
    .option('--url <url>', 'the host (default: MAG_URL, else http://127.0.0.1:7070)')
    .option('--token <token>', 'API token (default: MAG_TOKEN, else the one in the local data folder)')
    .option('-y, --yes', 'do not ask: every question is answered with yes')
    .configureHelp({ showGlobalOptions: true, sortSubcommands: false })
    .configureOutput(writers(terminal))
    .exitOverride();
  const open: OpenSession = (command) => createSession(terminal, command.optsWithGlobals<GlobalOptions>());
  for (const [heading, add] of TOPICS) {
    program.commandsGroup(heading);
    add(program, open);
  }
  return program.on('command:*', (operands: string[]) => refuseUnknown(program, operands[0] ?? ''));
}

/** One of an extension is applied to the whole answer, in `run-cli.ts`. */
function toOutput(value: string): string {
  if (isContributed(value)) return value;
  return toFormat(value);
}

function refuseUnknown(program: Command, name: string): never {
  const names = program.commands.map((command) => command.name());
  const topic = `${name.split(':')[0]}:`;
  const related = names.filter((known) => known.startsWith(topic));
  const suggestion = nearest(name, related.length > 0 ? related : names);
  throw new UsageError(`unknown command "${printable(name)}". Did you mean "${suggestion}"?`);
}

function writers({ stdout, stderr }: Terminal) {
  return {
    writeOut: (text: string) => stdout.write(text),
    writeErr: (text: string) => stderr.write(text),
    // The caller reports errors, once and in the format that was asked for.
    outputError: () => {},
    getOutHelpWidth: () => stdout.columns ?? 100,
    getErrHelpWidth: () => stderr.columns ?? 100,
  };
}
