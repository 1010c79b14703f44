import type { HealthSample, HealthStore, KeptAlert } from '../../kernel/ports.ts';
import { storableText } from '../../manifests/storable-text.ts';
import type { Database } from './database.ts';

/** How long samples and alerts are kept. */
const SAMPLES_KEPT = '7 days';
const ALERTS_KEPT = '90 days';

export function createHealthStore(database: Database): HealthStore {
  return {
    async record(sample) {
      const { extension, at, healthy, detail, calls, errors, cpuMs, heapBytes, restarts } = sample;
      const { cpuShare, eventLoopShare, refused, used } = sample;
      await database.query(
        `INSERT INTO mag.health (extension, at, healthy, detail, calls, errors, cpu_ms, heap_bytes, restarts, host,
           cpu_share, event_loop_share, refused, used)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
        [
          ...[extension, at, healthy, JSON.stringify(detail), calls, errors, cpuMs, heapBytes, restarts],
          ...[database.hostId, cpuShare, eventLoopShare, JSON.stringify(refused), JSON.stringify(used)],
        ],
      );
    },

    latest(extension, limit) {
      return database.query<HealthSample>(
        `SELECT extension, at, healthy, detail, calls::int AS calls, errors::int AS errors, cpu_ms AS "cpuMs",
           heap_bytes::float8 AS "heapBytes", restarts, cpu_share AS "cpuShare",
           event_loop_share AS "eventLoopShare", refused, used
         FROM mag.health WHERE extension = $1 ORDER BY at DESC LIMIT $2`,
        [extension, limit],
      );
    },

    async recordAlert({ extension, at, version, code, detail }) {
      await database.query(
        'INSERT INTO mag.alerts (extension, at, version, code, detail) VALUES ($1, $2, $3, $4, $5)',
        [extension, at, version, code, storableText(detail)],
      );
    },

    alerts(extension, limit) {
      return database.query<KeptAlert>(
        'SELECT extension, at, version, code, detail FROM mag.alerts WHERE extension = $1 ORDER BY id DESC LIMIT $2',
        [extension, limit],
      );
    },

    async dropExpired() {
      await database.query('DELETE FROM mag.health WHERE at < now() - $1::interval', [SAMPLES_KEPT]);
      await database.query('DELETE FROM mag.alerts WHERE at < now() - $1::interval', [ALERTS_KEPT]);
    },
  };
}
