import { CloudEvent, HTTP } from 'cloudevents';
import { messageOf } from '../kernel/errors.ts';
import { newEventId } from '../kernel/events/event-id.ts';
import type { Alert, Logger } from '../kernel/ports.ts';

const TIMEOUT_MS = 10_000;
const TRIES = 3;

/**
 * Sends alerts to the address an operator configured; without one they go to the log and the bus only. They are
 * CloudEvents in binary mode: who does not know these finds the alert itself in the body, as plain JSON.
 */
export function createAlertWebhook(url: string | null, logger: Logger): (alert: Alert) => void {
  if (url === null) return () => undefined;
  return (alert) => {
    send(url, toMessage(alert)).catch((failure: unknown) =>
      logger.error(
        { extension: alert.extension, reason: messageOf(failure) },
        'an alert did not reach the webhook',
      ),
    );
  };
}

/** The id stays the same when it is sent again: whoever got it already can tell. */
function toMessage(alert: Alert): { headers: Record<string, string>; body: string } {
  const now = new Date();
  const at = now.toISOString();
  const { headers, body } = HTTP.binary(
    new CloudEvent({
      id: newEventId(now.getTime()),
      source: '/magflock/kernel',
      type: 'extension.alert',
      subject: alert.extension,
      time: at,
      datacontenttype: 'application/json',
      data: { at, ...alert },
    }),
  );
  return { headers: headers as Record<string, string>, body: body as string };
}

async function send(
  url: string,
  { headers, body }: { headers: Record<string, string>; body: string },
): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const answer = await fetch(url, {
        method: 'POST',
        headers,
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
