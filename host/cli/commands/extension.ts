import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { JsonObject } from '../../../manifests/json.ts';
import { objectIn, objectsIn, textIn } from '../answer.ts';
import { example } from '../example.ts';
import { extensionPath, toExtensionId } from '../extension-id.ts';
import { healthReport, usageReport } from '../monitoring.ts';
import { readPages } from '../pages.ts';
import type { OpenSession, Session } from '../session.ts';
import { describeStaged, grantTable, memberTable, stageFile, warningsIn } from '../staging.ts';
import { details, table } from '../table.ts';

/** What an operator asks about extensions. */
export function addExtensionCommands(program: Command, open: OpenSession): void {
  program
    .command('extension:stage <file>')
    .description('verify a signed package and store it on the host, ready to be installed')
    .addHelpText('after', example('extension:stage acme-hello-1.0.0.mag'))
    .action((file: string, _options: unknown, command: Command) => stage(open(command), file));
  program
    .command('extension:list')
    .description('every extension the host knows, with its state')
    .addHelpText('after', example('extension:list', 'extension:list --output json'))
    .action((_options: unknown, command: Command) => list(open(command)));
  program
    .command('extension:show <id>')
    .description('one extension: versions, state, grants, health, contributions')
    .addHelpText('after', example('extension:show acme/hello'))
    .action((id: string, _options: unknown, command: Command) => show(open(command), id));
  program
    .command('extension:health <id>')
    .description('whether an extension is well and was, and the alerts about it')
    .addHelpText('after', example('extension:health acme/hello'))
    .action((id: string, _options: unknown, command: Command) => health(open(command), id));
  program
    .command('extension:usage <id>')
    .description('which grants an extension uses, what it costs, and what its limits are')
    .addHelpText('after', example('extension:usage acme/hello'))
    .action((id: string, _options: unknown, command: Command) => usage(open(command), id));
}

async function stage(session: Session, file: string): Promise<void> {
  const staged = await stageFile(session, resolve(session.terminal.cwd, file));
  session.output.print(staged, () => `${describeStaged(staged)}\n\nstaged`);
}

async function list(session: Session): Promise<void> {
  const extensions = await readPages(session.client(), '/v1/extensions', 'extensions');
  session.output.print(extensions, () => extensionTable(extensions));
}

const KIND = ['kind', (row: JsonObject) => textIn(row, 'kind')] as const;

/** Extensions with their states. */
export function extensionTable(rows: readonly JsonObject[]): string {
  return table(rows, [
    ['extension', (row) => textIn(row, 'id')],
    ...(rows.some((row) => row.kind === 'bundle') ? [KIND] : []),
    ['version', (row) => textIn(row, 'version')],
    ['state', (row) => textIn(row, 'state')],
    ['reason', (row) => reasonText(row)],
  ]);
}

function reasonText(row: JsonObject): string {
  return row.reason ? `${textIn(row.reason, 'code')}: ${textIn(row.reason, 'detail')}` : '';
}

async function show(session: Session, text: string): Promise<void> {
  const answer = objectIn(await session.client().get(extensionPath(toExtensionId(text))));
  session.output.print(answer, () => describe(answer));
}

function describe(extension: JsonObject): string {
  const versions = objectsIn(extension.versions).map((entry) => textIn(entry, 'version'));
  const head = details([
    [extension.kind === 'bundle' ? 'bundle' : 'extension', textIn(extension, 'id')],
    ['version', textIn(extension, 'version')],
    ['state', textIn(extension, 'state')],
    ...(extension.reason ? [['reason', reasonText(extension)] as const] : []),
    ['versions here', versions.join(', ')],
    ['health', healthText(objectIn(extension.health))],
  ]);
  if (extension.kind === 'bundle') return `${head}\n\n${memberTable(objectsIn(extension.members))}`;
  return [head, ...warningsIn(extension), '', grantTable(objectsIn(extension.grants))].join('\n');
}

/** Only what is enabled is meant to be well. */
function healthText({ healthy }: JsonObject): string {
  if (typeof healthy !== 'boolean') return 'not running';
  return healthy ? 'healthy' : 'unhealthy';
}

async function health(session: Session, text: string): Promise<void> {
  const answer = objectIn(await session.client().get(extensionPath(toExtensionId(text), 'health')));
  session.output.print(answer, () => healthReport(answer));
}

async function usage(session: Session, text: string): Promise<void> {
  const answer = objectIn(await session.client().get(extensionPath(toExtensionId(text), 'usage')));
  session.output.print(answer, () => usageReport(answer));
}
