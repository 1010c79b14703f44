import { Command, Option } from 'commander';
import { addAuditCommands } from './commands/audit.ts';
import { addEventCommands } from './commands/event.ts';
import { addExtensionCommands } from './commands/extension.ts';
import { addAuthorCommands } from './commands/extension-author.ts';
import { addDevCommands } from './commands/extension-dev.ts';
import { addInstallCommands } from './commands/extension-install.ts';
import { addLogCommands } from './commands/extension-logs.ts';
import { addStateCommands } from './commands/extension-state.ts';
import { addUpgradeCommands } from './commands/extension-upgrade.ts';
import { addGrantCommands } from './commands/grant.ts';
import { addHostCommands } from './commands/host.ts';
import { addTokenCommands } from './commands/token.ts';
import { addTrustCommands } from './commands/trust.ts';
import { nearest } from './nearest.ts';
import { FORMATS } from './output.ts';
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
  ['Running extensions:', addInstallCommands],
  ['Running extensions:', addStateCommands],
  ['Running extensions:', addUpgradeCommands],
  ['Running extensions:', addExtensionCommands],
  ['Running extensions:', addLogCommands],
  ['Capabilities:', addGrantCommands],
  ['Trust:', addTrustCommands],
  ['Events:', addEventCommands],
  ['Audit:', addAuditCommands],
  ['API tokens:', addTokenCommands],
];

/** The whole command line. It never exits: help, usage errors and refusals are thrown. */
export function createProgram(terminal: Terminal): Command {
  const program = new Command('mag')
    .description('Installs, watches and revokes extensions of a MagFlock host, and helps to write them.')
    .addOption(
      new Option('-o, --output <format>', 'how answers are printed').choices(FORMATS).default('table'),
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
