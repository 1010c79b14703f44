import { messageOf } from '../errors.ts';
import type { Alert, Clock, HealthStore, Logger } from '../ports.ts';

export interface AlertsOptions {
  readonly health: HealthStore;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Where they go besides the log and the history. */
  readonly send: (alert: Alert) => void;
}

/** Tells operators, out of band, of extensions that do not run as they should, and keeps what was told. */
export class Alerts {
  readonly #options: AlertsOptions;
  #kept: Promise<void> = Promise.resolve();

  constructor(options: AlertsOptions) {
    this.#options = options;
  }

  /** Never throws. */
  raise(alert: Alert): void {
    const { health, clock, logger, send } = this.#options;
    logger.error(alert, 'an extension needs an operator');
    send(alert);
    const kept = { ...alert, at: clock.now() };
    this.#kept = this.#kept
      .then(() => health.recordAlert(kept))
      .catch((failure: unknown) =>
        logger.error({ extension: alert.extension, reason: messageOf(failure) }, 'an alert was not kept'),
      );
  }

  /** Resolves when all of them are kept. */
  async settle(): Promise<void> {
    await this.#kept;
  }
}
