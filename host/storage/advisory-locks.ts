/**
 * Keys of the advisory locks the host takes in its database. Never reused for another purpose; the one that ends
 * in 3 is taken by `mag.ensure_event_partition`.
 */
export const ADVISORY_LOCKS = {
  migrations: 5_577_003_300_001,
  host: 5_577_003_300_002,
} as const;
