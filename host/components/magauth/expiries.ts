import type { ComponentEvent } from '../../../kernel/adapter.ts';
import { messageOf } from '../../../kernel/errors.ts';
import type { Logger } from '../../../kernel/ports.ts';
import type { ExpiryStore } from './ports.ts';

const LOOK_EVERY_MS = 5_000;

/** Tells the bus of tokens and sessions whose time is over. @returns ends it */
export function tellExpiries(
  store: ExpiryStore,
  emit: (event: ComponentEvent) => Promise<void>,
  logger: Logger,
): () => void {
  async function look(): Promise<void> {
    try {
      for (const { principal, kind, id, tenantId } of await store.take())
        await emit({
          type: 'auth.token.expired',
          data: { principal, kind, id },
          context: { tenant_id: tenantId },
        });
    } catch (failure) {
      logger.warn({ reason: messageOf(failure) }, 'tokens that expired could not be told');
    }
  }
  const timer = setInterval(() => void look(), LOOK_EVERY_MS).unref();
  return () => clearInterval(timer);
}
