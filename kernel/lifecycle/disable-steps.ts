import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import type { ExtensionRecord } from '../ports.ts';
import { setState } from './moves.ts';
import type { Parts } from './parts.ts';
import type { Step } from './steps.ts';

/**
 * The steps from a running extension to none that runs (spec 06, disable). None has an undo: a disable that was
 * cut off is completed.
 * @param reason why the host does it; `null`: an operator did
 */
export function disableSteps(
  id: ExtensionId,
  parts: Parts,
  reason: ExtensionRecord['reason'] = null,
): Step[] {
  return [
    { name: 'stop(), unregister, park subscriptions', run: () => parts.running.stop(id) },
    {
      name: 'withdraw rights',
      run: () => withdraw(id, parts),
    },
    {
      name: 'record',
      run: async () => {
        await setState(parts, id, 'disabled', reason);
        parts.hooks.open(id);
        return parts.followed(); // no code of it runs anywhere when this is done
      },
    },
  ];
}

/** Takes from an extension that does not run any more what it held while it did. */
export async function withdraw(id: ExtensionId, { gate, types, files }: Parts): Promise<void> {
  gate.release(id);
  types.retract(id);
  await files.clearTemp(id);
}
