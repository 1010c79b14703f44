import type { EventType } from '../../manifests/catalog/index.ts';
import type { JsonObject } from '../../manifests/json.ts';
import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import { messageOf } from '../errors.ts';
import type { ExtensionRecord } from '../ports.ts';
import type { Parts } from './parts.ts';

/** Why an extension does not run as it should. */
export type Reason = NonNullable<ExtensionRecord['reason']>;

/**
 * Publishes what happened to an extension. It is in the journal and the audit already, so an event that
 * cannot be written is logged and fails nothing.
 */
export async function announce(
  { bus, logger }: Pick<Parts, 'bus' | 'logger'>,
  type: EventType,
  data: JsonObject,
): Promise<void> {
  await bus
    .publish('kernel', { type, data })
    .catch((failure: unknown) =>
      logger.error({ type, reason: messageOf(failure) }, 'an event was not written'),
    );
}

/** Tells the operators that an extension does not run as it should: log, webhook and history; and the event bus. */
export async function alertOf(
  parts: Pick<Parts, 'bus' | 'logger' | 'alert'>,
  { id, version }: { readonly id: ExtensionId; readonly version: string },
  reason: Reason,
): Promise<void> {
  const what = { extension: id, version, ...reason };
  parts.alert(what);
  await announce(parts, 'extension.error', what);
}
