import type { HealthSample, HealthStore } from '../../kernel/ports.ts';
import type { Database } from './database.ts';

/** How long samples are kept. */
const RETENTION = '7 days';

export function createHealthStore(database: Database): HealthStore {
  return {
    async record(sample) {
      const { extension, at, healthy, detail, calls, errors, cpuMs, heapBytes, restarts } = sample;
      await database.query(
        `INSERT INTO mag.health (extension, at, healthy, detail, calls, errors, cpu_ms, heap_bytes, restarts)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
        [extension, at, healthy, JSON.stringify(detail), calls, errors, cpuMs, heapBytes, restarts],
      );
    },

    latest(extension, limit) {
      return database.query<HealthSample>(
        `SELECT extension, at, healthy, detail, calls::int AS calls, errors::int AS errors, cpu_ms AS "cpuMs",
           heap_bytes::float8 AS "heapBytes", restarts
         FROM mag.health WHERE extension = $1 ORDER BY at DESC LIMIT $2`,
        [extension, limit],
      );
    },

    async dropExpired() {
      await database.query(`DELETE FROM mag.health WHERE at < now() - $1::interval`, [RETENTION]);
    },
  };
}
