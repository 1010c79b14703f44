import type { Json, JsonObject } from '../../manifests/json.ts';
import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import { objectIn, textIn } from './answer.ts';
import { extensionPath } from './extension-id.ts';
import { followOperation } from './progress.ts';
import type { Session } from './session.ts';

/** Asks for an operation, shows its steps and resolves with it when it succeeded. */
export async function runOperation(
  session: Session,
  id: ExtensionId,
  verb: 'install' | 'enable' | 'disable' | 'uninstall' | 'upgrade' | 'rollback',
  body: Json = {},
): Promise<JsonObject> {
  session.output.say(`${verb} ${id}`);
  const accepted = objectIn(await session.client().send('POST', extensionPath(id, verb), body));
  return followOperation(session, textIn(accepted, 'operation'));
}
