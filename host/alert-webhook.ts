import { messageOf } from '../kernel/errors.ts';
import type { Alert, Logger } from '../kernel/ports.ts';

const TIMEOUT_MS = 10_000;
const TRIES = 3;

/** Sends alerts as JSON to the address an operator configured; without one they go to the log and the bus only. */
export function createAlertWebhook(url: string | null, logger: Logger): (alert: Alert) => void {
  if (url === null) return () => undefined;
  return (alert) => {
    const body = JSON.stringify({ at: new Date().toISOString(), ...alert });
    send(url, body).catch((failure: unknown) =>
      logger.error(
        { extension: alert.extension, reason: messageOf(failure) },
        'an alert did not reach the webhook',
      ),
    );
  };
}

async function send(url: string, body: string): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const answer = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      if (answer.ok) return;
      throw new Error(`it answered ${answer.status}`);
    } catch (failure) {
      if (attempt === TRIES) throw failure;
    }
  }
}
