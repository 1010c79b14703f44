import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf } from '../../../kernel/errors.ts';
import { readManifest } from '../../../kernel/trust/read-manifest.ts';
import type { JsonObject } from '../../../manifests/json.ts';
import type { ExtensionId } from '../../../manifests/manifest/manifest.ts';
import { packExtension, signPackage } from '../../packaging/index.ts';
import { objectIn, objectsIn, textIn } from '../answer.ts';
import { readExtension } from '../commands/extension-state.ts';
import { confirm } from '../confirm.ts';
import { extensionPath } from '../extension-id.ts';
import { endOfOperation } from '../progress.ts';
import type { Session } from '../session.ts';
import { capabilityTable, stageFile } from '../staging.ts';
import { devVersion } from './dev-version.ts';

export interface Swap {
  readonly session: Session;
  /** The folder of the extension. */
  readonly dir: string;
  /** Where packages are written. */
  readonly workDir: string;
  readonly privateKey: string;
  readonly config: JsonObject | null;
  /** What the person said no to: it is not asked again. */
  readonly refused: Set<string>;
  /** Called when the host knows the extension, before it runs. */
  readonly onStaged: (id: ExtensionId) => Promise<void>;
}

/** States of an extension that was never installed, or is not any more. */
const ABSENT = new Set(['staged', 'uninstalled']);
const STOPPED = new Set(['quarantined', 'failed']);

/**
 * Packs and signs what is in the folder, and has the host run it in place of what it runs now. Asks once for
 * every capability that is new.
 * @returns the version that runs now
 * @throws with the code of what refused it; what ran before goes on
 */
export async function swapIn(swap: Swap): Promise<{ id: ExtensionId; version: string }> {
  const { session, dir } = swap;
  const { id, version: wanted } = readManifest(await readFile(join(dir, 'manifest.json')));
  const before = await present(session, id);
  const highest = before === null ? null : textIn(before, 'highestVersion') || null;
  const version = devVersion(wanted, highest, Date.now());
  const staged = await stage(swap, version);
  await swap.onStaged(id);
  const state = before === null ? 'staged' : textIn(before, 'state');
  if (ABSENT.has(state)) await install(swap, id, staged);
  else await upgrade(swap, id, version, state);
  if (state !== 'enabled') await operate(session, id, 'enable');
  return { id, version };
}

async function present(session: Session, id: ExtensionId): Promise<JsonObject | null> {
  try {
    return await readExtension(session, id);
  } catch (error) {
    if (codeOf(error) === 'E_NOT_FOUND') return null;
    throw error;
  }
}

async function stage({ session, dir, workDir, privateKey }: Swap, version: string): Promise<JsonObject> {
  const { file } = await packExtension(dir, join(workDir, 'extension.mag'), version);
  await signPackage(file, privateKey);
  return stageFile(session, file);
}

async function install(swap: Swap, id: ExtensionId, staged: JsonObject): Promise<void> {
  const approve = await approved(swap, objectsIn(staged.capabilities));
  const configured = swap.config === null ? {} : { config: swap.config };
  await operate(swap.session, id, 'install', { version: textIn(staged, 'version'), approve, ...configured });
}

async function upgrade(swap: Swap, id: ExtensionId, version: string, state: string): Promise<void> {
  const { session } = swap;
  const query = new URLSearchParams({ version });
  const plan = objectIn(await session.client().get(`${extensionPath(id, 'upgrade-plan')}?${query}`));
  const { added, changed } = objectIn(plan.capabilities);
  const approve = await approved(swap, [...objectsIn(added), ...objectsIn(changed)]);
  if (STOPPED.has(state)) await operate(session, id, 'disable');
  await operate(session, id, 'upgrade', { version, approve });
}

/** The names of those the person grants: all that are asked for together, or none of them. */
async function approved({ session, refused }: Swap, asked: readonly JsonObject[]): Promise<string[]> {
  const open = asked.filter((row) => !refused.has(keyOf(row)));
  if (open.length === 0) return [];
  session.output.say(`It asks for:\n${capabilityTable(open)}\n`);
  try {
    await confirm(session, 'Grant all of it?');
    return open.map((row) => textIn(row, 'name'));
  } catch (error) {
    if (codeOf(error) !== 'E_APPROVAL') throw error;
    for (const row of open) refused.add(keyOf(row));
    session.output.say('nothing of it is granted');
    return [];
  }
}

function keyOf(row: JsonObject): string {
  return `${textIn(row, 'name')} ${textIn(row, 'scope')}`;
}

async function operate(
  session: Session,
  id: ExtensionId,
  verb: 'install' | 'enable' | 'disable' | 'upgrade',
  body: JsonObject = {},
): Promise<void> {
  const accepted = objectIn(await session.client().send('POST', extensionPath(id, verb), body));
  await endOfOperation(session, textIn(accepted, 'operation'));
}
