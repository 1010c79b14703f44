import type { Tap } from '../../../kernel/hooks/tapped-point.ts';
import type { ExtensionId } from '../../../manifests/manifest/manifest.ts';

/** A tap whose grant covers everything. */
export function tapOf(extension: ExtensionId, call: Tap['call'], members: Partial<Tap> = {}): Tap {
  return { extension, version: '1.0.0', order: 100, covers: () => true, call, ...members };
}
