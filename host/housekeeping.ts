import { messageOf } from '../kernel/errors.ts';
import type { Logger } from '../kernel/ports.ts';

const HOUR_MS = 3_600_000;

/** Drops events past their retention, now and every hour. Safe on every host of a database. */
export function startHousekeeping(events: { dropExpired(): Promise<unknown> }, logger: Logger): () => void {
  const sweep = () =>
    events
      .dropExpired()
      .catch((failure: unknown) =>
        logger.warn({ reason: messageOf(failure) }, 'expired events were not dropped'),
      );
  void sweep();
  const timer = setInterval(() => void sweep(), HOUR_MS).unref();
  return () => clearInterval(timer);
}
