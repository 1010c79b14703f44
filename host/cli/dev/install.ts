import type { Json } from '../../../manifests/json.ts';
import { objectIn, objectsIn } from '../answer.ts';
import { logLine } from '../commands/extension-logs.ts';
import { extensionPath } from '../extension-id.ts';
import { runOperation } from '../run-operation.ts';
import { stageFile } from '../staging.ts';
import type { DevHost } from './dev-host.ts';

/** Stages, installs with everything it declares, and enables. @throws with the code of the step that failed */
export async function installAll({ session, manifest, packageFile, config }: DevHost): Promise<void> {
  const { id, version } = manifest;
  await stageFile(session, packageFile);
  const configured = config === null ? {} : { config };
  await runOperation(session, id, 'install', { version, approve: 'all', ...configured });
  await runOperation(session, id, 'enable');
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
