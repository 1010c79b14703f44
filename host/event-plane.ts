import type { Logger } from '../kernel/ports.ts';
import type { Config } from './config.ts';
import { type NatsEvents, openNatsEvents, unusable } from './events-nats/index.ts';

/**
 * The event log when it is not in Postgres; `null`: it is.
 * @throws `E_CONFIG`: it never falls back, since the events of two logs have no common order
 */
export async function openEvents(config: Config, logger: Logger): Promise<NatsEvents | null> {
  if (config.events === 'postgres') return null;
  if (config.natsUrl === null) throw unusable('NATS_URL names no server');
  const events = await openNatsEvents({ url: config.natsUrl, replicas: config.natsReplicas, logger });
  const detail = events.degradation();
  if (detail === null)
    logger.info({}, 'events are in NATS; whether its servers write before they acknowledge cannot be asked');
  else logger.warn({ detail }, 'events are in NATS, and less safe than they can be');
  return events;
}
