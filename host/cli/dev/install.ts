import type { Json, JsonObject } from '../../../manifests/json.ts';
import type { Manifest } from '../../../manifests/manifest/manifest.ts';
import { objectIn, objectsIn, textIn } from '../answer.ts';
import { logLine } from '../commands/extension-logs.ts';
import { extensionPath, toExtensionId } from '../extension-id.ts';
import { resolveOnHost } from '../resolution.ts';
import { runOperation } from '../run-operation.ts';
import type { Session } from '../session.ts';
import { stageFile } from '../staging.ts';
import type { DevHost } from './dev-host.ts';

/** Stages, installs with everything it declares, and enables. @throws with the code of the step that failed */
export async function installAll({ session, manifest, packageFile, config }: DevHost): Promise<void> {
  await installWhole(session, { file: packageFile, manifest, config });
  await runOperation(session, manifest.id, 'enable');
}

interface Whole {
  readonly file: string;
  readonly manifest: Manifest;
  readonly config: JsonObject | null;
}

/**
 * Stages and installs with everything it declares, on a throw-away host. What it depends on is enabled before: what is
 * staged there, or was built from this checkout. @throws with the code of the step that failed
 */
export async function installWhole(session: Session, { file, manifest, config }: Whole): Promise<void> {
  const { id, version } = manifest;
  await stageFile(session, file);
  for (const needed of await neededBy(session, manifest)) {
    const about = { version: textIn(needed, 'version'), approve: 'all' };
    await runOperation(session, toExtensionId(textIn(needed, 'id')), 'install', about);
    await runOperation(session, toExtensionId(textIn(needed, 'id')), 'enable');
  }
  const configured = config === null ? {} : { config };
  await runOperation(session, id, 'install', { version, approve: 'all', ...configured });
}

/** Dependencies first. */
async function neededBy(session: Session, manifest: Manifest): Promise<JsonObject[]> {
  const { id, version, dependencies } = manifest;
  if (Object.keys(dependencies).length === 0) return [];
  const packages = await resolveOnHost(session, { wanted: { [id]: version }, staged: true }, null);
  return packages.filter((one) => one.action === 'install' && one.id !== id);
}

/** Shows what the extension logged and logs, until the signal aborts or the host ends. */
export async function followLogs({ session, manifest }: DevHost, signal: AbortSignal): Promise<void> {
  const path = extensionPath(manifest.id, 'logs');
  // Open before the past is read: what happens in between waits in it, and nothing is missed.
  const stream = await session.client().events(path, {}, signal);
  const shown = new Set<Json | undefined>();
  const show = (line: ReturnType<typeof objectIn>) => {
    if (shown.has(line.id)) return;
    shown.add(line.id);
    session.output.printItem(line, () => logLine(line));
  };
  for (const line of objectsIn(objectIn(await session.client().get(path, { limit: 1_000 })).lines))
    show(line);
  for await (const { data } of stream) show(objectIn(JSON.parse(data) as Json));
}
