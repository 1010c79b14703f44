import { MagError } from '../../kernel/errors.ts';
import type { Operation, OperationKind, OperationStore } from '../../kernel/ports.ts';
import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import { storableText } from '../../manifests/storable-text.ts';
import type { Database } from './database.ts';
import { violatedUnique } from './database-errors.ts';

const SELECT = `
  SELECT o.id, o.kind, o.extension, o.principal, o.input, o.state, o.error, o.created_at AS "createdAt",
    o.ended_at AS "endedAt",
    coalesce((
      SELECT json_agg(json_build_object('name', s.name, 'state', s.state, 'startedAt', s.started_at,
        'endedAt', s.ended_at, 'detail', s.detail) ORDER BY s.position)
      FROM mag.operation_steps AS s WHERE s.operation = o.id), '[]') AS steps
  FROM mag.operations AS o`;

/** A row as it comes: times inside of JSON are text. */
interface Row extends Omit<Operation, 'steps'> {
  readonly steps: readonly (Omit<Operation['steps'][number], 'startedAt' | 'endedAt'> & {
    readonly startedAt: string;
    readonly endedAt: string | null;
  })[];
}

/** The journal of operations: what is written here is how a restarted host learns what it was doing. */
export function createOperationStore(database: Database): OperationStore {
  return {
    async begin({ id, kind, extension, principal, input }, holds) {
      try {
        await database.query(
          // Held in one order for everybody, so that no two wait for each other.
          `WITH begun AS (
             INSERT INTO mag.operations (id, kind, extension, principal, input, host)
             VALUES ($1, $2, $3, $4, $5, $6) RETURNING id)
           INSERT INTO mag.operation_locks (extension, operation)
           SELECT held, begun.id FROM begun, unnest($7::text[]) AS held ORDER BY held`,
          [id, kind, extension, principal, JSON.stringify(input), database.hostId, holds],
        );
      } catch (error) {
        if (violatedUnique(error) === undefined) throw error;
        throw new MagError('E_STATE', `Another operation on ${holds.join(' or ')} is running.`, {
          cause: error,
        });
      }
    },

    async step(operation, name, state, detail, next) {
      const [row] = await database.query<{ cancelled: boolean }>(
        `INSERT INTO mag.operation_steps (operation, name, state, detail, ended_at)
         SELECT $1, step, state, detail, CASE WHEN state = 'running' THEN NULL ELSE now() END
         FROM (VALUES (1, $2, $3, $4), (2, $5, 'running', NULL)) AS said (place, step, state, detail)
         WHERE step IS NOT NULL ORDER BY place
         ON CONFLICT (operation, name) DO UPDATE SET state = excluded.state,
           detail = coalesce(excluded.detail, operation_steps.detail), ended_at = excluded.ended_at
         RETURNING (SELECT cancel_requested FROM mag.operations WHERE id = $1) AS cancelled`,
        [operation, name, state, detail === undefined ? null : storableText(detail), next ?? null],
      );
      return row?.cancelled === true;
    },

    async cancel(operation) {
      const rows = await database.query(
        `UPDATE mag.operations SET cancel_requested = true WHERE id = $1 AND state = 'running' RETURNING 1`,
        [operation],
      );
      return rows.length > 0;
    },

    async end(operation, state, error) {
      const ended = await database.query(
        `WITH released AS (DELETE FROM mag.operation_locks WHERE operation = $1)
         UPDATE mag.operations SET state = $2, error = $3, ended_at = now()
         WHERE id = $1 AND state = 'running' RETURNING 1`,
        [operation, state, error === undefined ? null : JSON.stringify(error)],
      );
      if (ended.length === 0) throw new MagError('E_STATE', 'The operation is not running.');
    },

    async get(id) {
      const rows = await database.query<Row>(`${SELECT} WHERE o.id = $1`, [id]);
      return rows.map(toOperation)[0] ?? null;
    },

    holders() {
      return database.query<{ extension: ExtensionId; kind: OperationKind }>(
        `SELECT held.extension, o.kind FROM mag.operation_locks AS held
         JOIN mag.operations AS o ON o.id = held.operation`,
      );
    },

    async holder(extension) {
      const rows = await database.query<Row>(
        `${SELECT} WHERE o.id = (SELECT operation FROM mag.operation_locks WHERE extension = $1)`,
        [extension],
      );
      return rows.map(toOperation)[0] ?? null;
    },

    async adopt(underWay) {
      const isCutOff = `state = 'running' AND id <> ALL ($2) AND (host = $1
        OR NOT EXISTS (SELECT FROM mag.hosts AS h WHERE h.id = host AND h.fenced_at IS NULL))`;
      const values = [database.hostId, underWay];
      // Asked every few seconds, with nothing to be found: not to be answered with a write.
      const found = await database.query(`SELECT FROM mag.operations WHERE ${isCutOff} LIMIT 1`, values);
      if (found.length === 0) return [];
      const adopted = await database.query<{ id: string }>(
        `UPDATE mag.operations SET host = $1 WHERE ${isCutOff} RETURNING id`,
        values,
      );
      const rows = await database.query<Row>(`${SELECT} WHERE o.id = ANY($1) ORDER BY o.position`, [
        adopted.map(({ id }) => id),
      ]);
      return rows.map(toOperation);
    },

    async list(extension, limit) {
      const rows = await database.query<Row>(
        `${SELECT} WHERE o.extension = $1 ORDER BY o.position DESC LIMIT $2`,
        [extension, limit],
      );
      return rows.map(toOperation);
    },
  };
}

function toOperation(row: Row): Operation {
  const steps = row.steps.map((step) => ({
    ...step,
    startedAt: new Date(step.startedAt),
    endedAt: step.endedAt === null ? null : new Date(step.endedAt),
  }));
  return { ...row, steps };
}
