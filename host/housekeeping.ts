import { messageOf } from '../kernel/errors.ts';
import type { Logger } from '../kernel/ports.ts';
import type { PostgresStores } from './storage/stores.ts';

const HOUR_MS = 3_600_000;
/** How long a replaced version can be rolled back to (spec 06, upgrade). */
const KEPT_MS = 24 * HOUR_MS;

type Stores = Pick<
  PostgresStores,
  'events' | 'health' | 'extensions' | 'jobs' | 'channels' | 'logins' | 'packages'
>;

/** Removes what is past its time, now and every hour. Safe on every host of a database. */
export function startHousekeeping(stores: Stores, logger: Logger): () => void {
  const sweep = () =>
    sweepOnce(stores, new Date()).catch((failure: unknown) =>
      logger.warn({ reason: messageOf(failure) }, 'what is past its time could not be removed'),
    );
  void sweep();
  const timer = setInterval(() => void sweep(), HOUR_MS).unref();
  return () => clearInterval(timer);
}

/** Drops expired events and health samples, and replaced versions of extensions with their packages. */
export async function sweepOnce(
  { events, health, extensions, jobs, channels, logins, packages }: Stores,
  now: Date,
): Promise<void> {
  await events.dropExpired();
  await health.dropExpired();
  await jobs.dropExpired();
  await channels.dropExpired();
  await logins.dropExpired();
  for (const { id, version, digest, replacedAt } of await extensions.kept()) {
    if (now.getTime() - replacedAt.getTime() < KEPT_MS) continue;
    await extensions.forget(id, version);
    if ((await extensions.get(id))?.digest !== digest) await packages.remove(digest);
  }
}
