import type { JsonObject } from '../../manifests/json.ts';
import type { GuestShape } from '../../manifests/protocol/frames.ts';
import type { ExtensionProcess } from '../sandbox/cell.ts';
import type { Package, Verified } from '../trust/verify.ts';
import type { Parts } from './parts.ts';

/**
 * Does something with the code of an extension that does not serve, in a cell of its own that ends with it. Meanwhile,
 * and no longer, the extension holds what it is granted.
 */
export async function rehearse(
  verified: Verified<Package>,
  config: JsonObject,
  { stores, gate, types, running }: Parts,
  act: (process: ExtensionProcess, shape: GuestShape) => Promise<void>,
): Promise<void> {
  const { manifest, eventSchemas } = verified;
  gate.hold(manifest, await stores.grants.list(manifest.id));
  types.declare(manifest.id, eventSchemas);
  const process = running.create(verified, config, []);
  try {
    await act(process, await process.start());
  } finally {
    await process.stop(0);
    types.retract(manifest.id);
    gate.release(manifest.id);
  }
}
