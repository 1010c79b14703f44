import type { AuditRecord, AuditStore } from '../../kernel/ports.ts';
import { storableText } from '../../manifests/storable-text.ts';
import type { Database, Querier } from './database.ts';

interface Row {
  readonly record: Omit<AuditRecord, 'at'> & { readonly at: string };
}

/**
 * The chained audit log. Each record is kept as the JSON text it was written with, so it reads back equal to
 * the last byte and its hash can be computed again. The table refuses changes, even by its owner.
 */
export function createAuditStore(database: Database): AuditStore {
  return {
    append(chain) {
      return database.transaction(async (transaction) => {
        // Taken until the commit: the next writer sees this one's records.
        await transaction.query('SELECT FROM mag.audit_writer FOR UPDATE');
        await insert(transaction, chain(await newest(transaction)));
      });
    },

    async read({ after, limit }) {
      const rows = await database.query<Row>(
        'SELECT record FROM mag.audit WHERE sequence > $1 ORDER BY sequence LIMIT $2',
        [after, limit],
      );
      return rows.map(toRecord);
    },

    async latest({ before, limit, action, target, principal, tenant }) {
      const rows = await database.query<Row>(
        `SELECT record FROM mag.audit
         WHERE ($1::bigint IS NULL OR sequence < $1) AND ($2::text IS NULL OR action = $2)
           AND ($3::text IS NULL OR target = $3)
           AND ($4::text IS NULL OR record ->> 'principal' = $4)
           AND ($5::text IS NULL OR record ->> 'tenant' = $5)
         ORDER BY sequence DESC LIMIT $6`,
        [before ?? null, action ?? null, target ?? null, principal ?? null, tenant ?? null, limit],
      );
      return rows.map(toRecord);
    },
  };
}

async function newest(transaction: Querier): Promise<AuditRecord | null> {
  const rows = await transaction.query<Row>('SELECT record FROM mag.audit ORDER BY sequence DESC LIMIT 1');
  return rows.map(toRecord)[0] ?? null;
}

async function insert(transaction: Querier, records: readonly AuditRecord[]): Promise<void> {
  if (records.length === 0) return;
  await transaction.query(
    `INSERT INTO mag.audit (sequence, at, action, target, record)
     SELECT * FROM unnest($1::bigint[], $2::timestamptz[], $3::text[], $4::text[], $5::json[])`,
    [
      records.map((record) => record.sequence),
      records.map((record) => record.at.toISOString()),
      records.map((record) => storableText(record.action)),
      records.map((record) => storableText(record.target)),
      records.map((record) => JSON.stringify(record)),
    ],
  );
}

function toRecord({ record }: Row): AuditRecord {
  return { ...record, at: new Date(record.at) };
}
