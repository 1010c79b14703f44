import { MagError } from '../../../kernel/errors.ts';
import type { JsonObject } from '../../../manifests/json.ts';
import type { ExtensionId } from '../../../manifests/manifest/manifest.ts';
import { textIn } from '../answer.ts';
import { confirm } from '../confirm.ts';
import { toExtensionId } from '../extension-id.ts';
import { readPages } from '../pages.ts';
import { runOperation } from '../run-operation.ts';
import type { Session } from '../session.ts';

/** The kill switch: one that cannot be stopped keeps no other one running; what needs another goes first. */
export async function disableThirdParty(session: Session): Promise<void> {
  await confirm(session, 'Stop every extension that is not of publisher magflock?');
  const stopped: ExtensionId[] = [];
  const failed = new Map<ExtensionId, string>();
  for (;;) {
    const left = (await thirdParty(session)).filter((id) => failed.get(id) !== 'final');
    const before = stopped.length;
    for (const id of left) {
      try {
        await runOperation(session, id, 'disable');
        stopped.push(id);
        failed.delete(id);
      } catch (failure) {
        if (!(failure instanceof MagError)) throw failure;
        failed.set(id, failure.code === 'E_DEPENDENTS' ? 'needed' : 'final');
        session.output.say(`${id}: ${failure.code}: ${failure.message}`);
      }
    }
    if (left.length === 0 || stopped.length === before) break;
  }
  session.output.print({ disabled: stopped, failed: [...failed.keys()] }, () => `${stopped.length} stopped`);
  if (failed.size > 0) throw new MagError('E_STATE', `${[...failed.keys()].join(', ')} could not be stopped`);
}

async function thirdParty(session: Session): Promise<ExtensionId[]> {
  const extensions = await readPages(session.client(), '/v1/extensions', 'extensions');
  // Bundles last: what they would stop is stopped by then, one by one.
  const isBundle = (row: JsonObject) => Number(row.kind === 'bundle');
  const enabled = extensions
    .filter((row) => row.state === 'enabled')
    .sort((a, b) => isBundle(a) - isBundle(b));
  return enabled.map((row) => toExtensionId(textIn(row, 'id'))).filter((id) => !id.startsWith('magflock/'));
}
