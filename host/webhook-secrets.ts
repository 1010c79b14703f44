import type { SecretsAdapter } from '../adapters/secrets/index.ts';
import type { GuestHost } from '../kernel/operator.ts';
import type { WebhookSecrets } from './components/maggate/webhook.ts';

/** What webhooks are verified with: secrets of an extension that it may read, and that never reach it this way. */
export function webhookSecrets(
  { resolver }: Pick<SecretsAdapter, 'resolver'>,
  guests: Pick<GuestHost, 'holds'>,
): WebhookSecrets {
  return {
    async secretFor(extension, name) {
      if (!guests.holds(extension, 'system.secrets')) return null;
      const found = await resolver.resolve(name, { extension, tenantId: null });
      return found.state === 'present' ? found.value : null;
    },
  };
}
