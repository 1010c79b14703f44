import { createHash } from 'node:crypto';

/**
 * Keys of the advisory locks the host takes in its database. Never reused for another purpose; the one that ends
 * in 3 is taken by `mag.ensure_event_partition`.
 */
export const ADVISORY_LOCKS = {
  migrations: 5_577_003_300_001,
  host: 5_577_003_300_002,
} as const;

/** The lock of whoever publishes the outbox of an extension: above all the others. */
export function outboxLock(extension: string): string {
  const hash = Number.parseInt(createHash('sha256').update(extension).digest('hex').slice(0, 12), 16);
  return String(2n ** 62n + BigInt(hash));
}

/** The lock of one data folder among several on a database: below all the others. */
export function nodeLock(node: string): number {
  return -1 - Number.parseInt(createHash('sha256').update(node).digest('hex').slice(0, 12), 16);
}
