import type {
  SecretChange,
  SecretKey,
  SecretMapping,
  SecretMappings,
  SecretRead,
  SecretTarget,
} from '../../adapters/secrets/index.ts';
import type { Database, Querier } from './database.ts';

const OF_KEY = 'name = $1 AND extension = $2 AND tenant_id = $3';
const TARGET = 'backend, ref, rotate_after_days AS "rotateAfterDays"';
const CHANGED = 'version, changed_at AS "changedAt", changed_by AS "changedBy"';
const MAPPING = `name, NULLIF(extension, '') AS extension, NULLIF(tenant_id, '') AS "tenantId",
  ${TARGET}, ${CHANGED}, rotated_at AS "rotatedAt"`;

/** What is about to happen to a mapping. */
interface Change {
  readonly action: SecretChange['action'];
  readonly target: SecretTarget;
  readonly by: string;
}

export function createSecretMappingStore(database: Database): SecretMappings {
  return {
    async find({ name, extension, tenantId }) {
      const [found] = await database.query<SecretMapping>(
        `SELECT ${MAPPING} FROM mag.secret_mappings
         WHERE name = $1 AND extension = $2 AND tenant_id IN ('', $3) ORDER BY tenant_id DESC LIMIT 1`,
        [name, extension ?? '', tenantId ?? ''],
      );
      return found ?? null;
    },

    list: () =>
      database.query(`SELECT ${MAPPING} FROM mag.secret_mappings ORDER BY name, extension, tenant_id`),

    put: (key, target, { expected, by }) =>
      changing(database, async (transaction) => {
        const present = await presentOf(transaction, key);
        const { version: now = 0, backend, ref } = present ?? {};
        if (expected !== null && expected !== now) return { swapped: false, version: now };
        const version = await record(transaction, key, { action: 'map', target, by });
        const isNewValue = backend !== target.backend || ref !== target.ref;
        await write(transaction, key, { target, by, version, isNewValue });
        return { swapped: true, version };
      }),

    remove: (key, { expected, by }) =>
      changing(database, async (transaction) => {
        const present = await presentOf(transaction, key);
        if (present === null || (expected !== null && expected !== present.version))
          return { swapped: false, version: present?.version ?? 0 };
        const version = await record(transaction, key, { action: 'unmap', target: present, by });
        await transaction.query(`DELETE FROM mag.secret_mappings WHERE ${OF_KEY}`, valuesOf(key));
        return { swapped: true, version };
      }),

    rotate: (key, by) =>
      changing(database, async (transaction) => {
        const target = await presentOf(transaction, key);
        if (target === null) return null;
        const version = await record(transaction, key, { action: 'rotate', target, by });
        await write(transaction, key, { target, by, version, isNewValue: true });
        return presentOf(transaction, key);
      }),

    changes: (key, limit) =>
      database.query(
        `SELECT ${TARGET}, ${CHANGED}, action FROM mag.secret_mapping_changes WHERE ${OF_KEY}
         ORDER BY version DESC LIMIT $4`,
        [...valuesOf(key), limit],
      ),

    async noteRead(extension, name) {
      await database.query(
        `INSERT INTO mag.secret_reads (extension, name, read_at) VALUES ($1, $2, now())
         ON CONFLICT (extension, name) DO UPDATE SET read_at = excluded.read_at`,
        [extension, name],
      );
    },

    reads: () =>
      database.query<SecretRead>('SELECT extension, name, read_at AS "readAt" FROM mag.secret_reads'),
  };
}

/** One change at a time, whichever host makes it; who reads does not wait. */
function changing<Result>(database: Database, work: (transaction: Querier) => Promise<Result>) {
  return database.transaction(async (transaction) => {
    await transaction.query('LOCK TABLE mag.secret_mappings IN SHARE ROW EXCLUSIVE MODE');
    return work(transaction);
  });
}

async function presentOf(transaction: Querier, key: SecretKey): Promise<SecretMapping | null> {
  const [found] = await transaction.query<SecretMapping>(
    `SELECT ${MAPPING} FROM mag.secret_mappings WHERE ${OF_KEY}`,
    valuesOf(key),
  );
  return found ?? null;
}

/** Puts a change into the history; its version is the next one there. */
async function record(transaction: Querier, key: SecretKey, { action, target, by }: Change): Promise<number> {
  const [row] = await transaction.query<{ version: number }>(
    `INSERT INTO mag.secret_mapping_changes
       (name, extension, tenant_id, version, action, backend, ref, rotate_after_days, changed_at, changed_by)
     SELECT $1, $2, $3, COALESCE(max(version), 0) + 1, $4, $5, $6, $7, now(), $8
     FROM mag.secret_mapping_changes WHERE ${OF_KEY} RETURNING version`,
    [...valuesOf(key), action, target.backend, target.ref, target.rotateAfterDays, by],
  );
  return row?.version ?? 0;
}

async function write(
  transaction: Querier,
  key: SecretKey,
  row: {
    readonly target: SecretTarget;
    readonly by: string;
    readonly version: number;
    readonly isNewValue: boolean;
  },
): Promise<void> {
  const { backend, ref, rotateAfterDays } = row.target;
  await transaction.query(
    `INSERT INTO mag.secret_mappings
       (name, extension, tenant_id, backend, ref, rotate_after_days, version, rotated_at, changed_at, changed_by)
     VALUES ($1, $2, $3, $4, $5, $6, $7, now(), now(), $8)
     ON CONFLICT (name, extension, tenant_id) DO UPDATE SET
       backend = excluded.backend, ref = excluded.ref, rotate_after_days = excluded.rotate_after_days,
       version = excluded.version, changed_at = excluded.changed_at, changed_by = excluded.changed_by,
       rotated_at = CASE WHEN $9 THEN excluded.rotated_at ELSE mag.secret_mappings.rotated_at END`,
    [...valuesOf(key), backend, ref, rotateAfterDays, row.version, row.by, row.isNewValue],
  );
}

function valuesOf({ name, extension, tenantId }: SecretKey): string[] {
  return [name, extension ?? '', tenantId ?? ''];
}
