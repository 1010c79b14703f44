import {
  DiscardPolicy,
  JetStreamApiCodes,
  JetStreamApiError,
  type JetStreamManager,
  RetentionPolicy,
  StorageType,
  type StreamInfo,
} from '@nats-io/jetstream';
import { nanos } from '@nats-io/transport-node';
import { messageOf } from '../../kernel/errors.ts';
import { unusable } from './link.ts';
import type { Subjects } from './subjects.ts';

const MAX_AGE_MS = 7 * 24 * 3_600_000;
/**
 * An id that is published again within this time is one event. The servers hold all ids of it in memory, which is
 * why it is not the seven days.
 */
const DUPLICATE_WINDOW_MS = 120_000;
const SAFE_REPLICAS = 3;

/**
 * Makes the stream of the events, or takes the one there is: what an operator changed about it stays, but it gets
 * more replicas when more are asked for.
 * @throws `E_CONFIG` when the servers refuse it, or it is not for our subjects
 */
export async function ensureStream(
  manager: JetStreamManager,
  name: string,
  subjects: Subjects,
  replicas: number,
): Promise<StreamInfo> {
  try {
    const found = await find(manager, name);
    if (found === null) return await manager.streams.add(configOf(name, subjects, replicas));
    const { config } = found;
    if (config.subjects.includes(subjects.all) && config.num_replicas >= replicas) return found;
    return await manager.streams.update(name, {
      subjects: [...new Set([...config.subjects, subjects.all])],
      num_replicas: Math.max(config.num_replicas, replicas),
    });
  } catch (cause) {
    const why = `the stream ${name} cannot be had with ${replicas} replicas (MAG_NATS_REPLICAS): ${messageOf(cause)}`;
    throw unusable(why, cause);
  }
}

/** How far the stream is from what spec 05 promises: an acknowledged event is never lost. `null`: as far as can be seen, not. */
export function degradationOf({ config }: StreamInfo): string | null {
  const lacks = [
    config.storage === StorageType.Memory ? 'is in memory: events do not survive its server' : null,
    config.num_replicas < SAFE_REPLICAS
      ? `has ${config.num_replicas} of ${SAFE_REPLICAS} replicas: what was acknowledged can be lost with a server (MAG_NATS_REPLICAS)`
      : null,
  ].filter((lack) => lack !== null);
  if (lacks.length === 0) return null;
  return (
    `The stream ${config.name} ${lacks.join(', and ')}. Whether the servers write to disk before they acknowledge ` +
    '(sync_interval: always) cannot be asked.'
  );
}

async function find(manager: JetStreamManager, name: string): Promise<StreamInfo | null> {
  try {
    return await manager.streams.info(name);
  } catch (failure) {
    if (failure instanceof JetStreamApiError && failure.code === JetStreamApiCodes.StreamNotFound)
      return null;
    throw failure;
  }
}

function configOf(name: string, subjects: Subjects, replicas: number) {
  return {
    name,
    subjects: [subjects.all],
    storage: StorageType.File,
    retention: RetentionPolicy.Limits,
    discard: DiscardPolicy.New, // full is an error to who publishes, not a loss to who reads
    max_age: nanos(MAX_AGE_MS),
    duplicate_window: nanos(DUPLICATE_WINDOW_MS),
    num_replicas: replicas,
  };
}
