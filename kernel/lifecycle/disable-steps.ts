import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import { MagError } from '../errors.ts';
import type { ExtensionRecord, ExtensionState } from '../ports.ts';
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
      run: async () => {
        parts.gate.release(id);
        parts.types.retract(id);
        await parts.files.clearTemp(id);
      },
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

/** @throws `E_NOT_FOUND` */
export async function setState(
  { stores }: Pick<Parts, 'stores'>,
  id: ExtensionId,
  state: ExtensionState,
  reason: ExtensionRecord['reason'] = null,
): Promise<void> {
  const record = await stores.extensions.get(id);
  if (record === null) throw new MagError('E_NOT_FOUND', `${id} is not known here`);
  await stores.extensions.put({ ...record, state, reason });
}
