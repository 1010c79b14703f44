import type { EventType } from '../../manifests/catalog/index.ts';
import type { JsonObject } from '../../manifests/json.ts';
import { messageOf } from '../errors.ts';
import type { Parts } from './parts.ts';

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
