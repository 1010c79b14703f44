import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import type { MagError } from '../errors.ts';
import { announce } from './announce.ts';
import type { Parts } from './parts.ts';
import type { RunningExtensions } from './running-extensions.ts';

/**
 * Ends an extension at once and keeps it off until an operator enables it (spec 03): its cell is killed, calls
 * in flight fail with the error, one audit record and the alert say why.
 */
export async function quarantine(
  id: ExtensionId,
  error: MagError,
  parts: Parts,
  running: RunningExtensions,
): Promise<void> {
  const { stores, audit, alert } = parts;
  await running.kill(id, error);
  const record = await stores.extensions.get(id);
  if (record === null || record.state === 'quarantined') return;
  const reason = { code: error.code, detail: error.message };
  await stores.extensions.put({ ...record, state: 'quarantined', reason });
  alert({ extension: id, version: record.version, ...reason });
  await audit.record({
    principal: `extension:${id}`,
    tenant: 't_system',
    action: 'extension.quarantined',
    target: id,
    outcome: 'refused',
    detail: { ...reason, version: record.version, call: error.blame.call },
  });
  await announce(parts, 'extension.error', { extension: id, version: record.version, ...reason });
  await announce(parts, 'extension.quarantined', {
    extension: id,
    version: record.version,
    code: error.code,
  });
}
