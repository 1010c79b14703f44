import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { JsonObject } from '../../../manifests/json.ts';
import type { ExtensionId } from '../../../manifests/manifest/manifest.ts';
import { textIn } from '../answer.ts';
import { confirm } from '../confirm.ts';
import { example } from '../example.ts';
import { toExtensionId, toExtensionRange } from '../extension-id.ts';
import { resolveVersion } from '../resolve-version.ts';
import { runOperation } from '../run-operation.ts';
import type { OpenSession, Session } from '../session.ts';
import { describeStaged, stageFile } from '../staging.ts';
import { UsageError } from '../usage-error.ts';
import { finish, readExtension } from './extension-state.ts';

interface InstallOptions {
  readonly approve?: string;
  readonly enable?: boolean;
}

/** What is about to be installed, as the host has verified it. */
interface Candidate {
  readonly id: ExtensionId;
  readonly version: string;
  /** Whether it asks for any capability, as far as the host says. */
  readonly asks: boolean;
}

const INSTALLED = new Set(['installed', 'enabled', 'disabled', 'quarantined']);

export function addInstallCommands(program: Command, open: OpenSession): void {
  program
    .command('extension:install <package>')
    .description('install a signed package, or a version the host has: <file.mag> or <id>[@range]')
    .option('--approve <capabilities>', '"all" or names, comma-separated; what is left out is not granted')
    .option('--enable', 'enable it as well')
    .addHelpText(
      'after',
      example(
        'extension:install acme-hello-1.0.0.mag --approve all --enable --yes',
        'extension:install acme/hello@^1.0.0 --approve database.read',
      ),
    )
    .action((what: string, options: InstallOptions, command: Command) =>
      install(open(command), what, options),
    );
}

async function install(session: Session, what: string, options: InstallOptions): Promise<void> {
  if (!session.yes && !session.terminal.stdin.isTTY) {
    throw new UsageError('there is no terminal to ask on: pass --approve and --yes to go ahead');
  }
  const { id, version, asks } = await candidate(session, what);
  const now = await readExtension(session, id);
  const installed = now.version === version && INSTALLED.has(textIn(now, 'state'));
  if (!installed) {
    const approve = approved(session, options, asks);
    await confirm(session, question(id, version, approve));
    await runOperation(session, id, 'install', { version, approve });
  }
  const enable = options.enable && !(installed && now.state === 'enabled');
  if (enable) await runOperation(session, id, 'enable');
  await finish(session, id, outcome(installed, Boolean(enable)));
}

/** Stages a file, or finds the version; shows what it asks for. */
async function candidate(session: Session, what: string): Promise<Candidate> {
  const file = resolve(session.terminal.cwd, what);
  if (what.endsWith('.mag') || existsSync(file)) return stageAndShow(session, file);
  const { id, range } = toExtensionRange(what);
  const found = await resolveVersion(session.client(), id, range);
  return 'file' in found ? stageAndShow(session, found.file) : shown(session, { ...found.staged, id });
}

async function stageAndShow(session: Session, file: string): Promise<Candidate> {
  return shown(session, await stageFile(session, file));
}

function shown(session: Session, staged: JsonObject): Candidate {
  session.output.say(`${describeStaged(staged)}\n`);
  return {
    id: toExtensionId(textIn(staged, 'id')),
    version: textIn(staged, 'version'),
    asks: !Array.isArray(staged.capabilities) || staged.capabilities.length > 0,
  };
}

/** Nothing is ever approved silently: `--yes` alone does not say what. @throws UsageError */
function approved(session: Session, { approve }: InstallOptions, asks: boolean): string[] | 'all' {
  if (!asks) return [];
  if (approve === undefined && session.yes) {
    throw new UsageError('it asks for capabilities: say --approve all, or --approve with the names');
  }
  if (approve === undefined || approve === 'all') return 'all';
  return approve
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
}

function question(id: ExtensionId, version: string, approve: readonly string[] | 'all'): string {
  const granted = approve === 'all' ? 'all of the above' : approve.join(', ') || 'nothing';
  return `Install ${id} ${version} and grant ${granted}?`;
}

function outcome(installed: boolean, enabledNow: boolean): string {
  if (!installed) return enabledNow ? 'is installed and enabled' : 'is installed';
  return enabledNow ? 'was installed already and is enabled' : 'is installed already';
}
