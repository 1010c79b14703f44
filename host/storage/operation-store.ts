import { MagError } from '../../kernel/errors.ts';
import type { Operation, OperationStore } from '../../kernel/ports.ts';
import type { Database } from './database.ts';
import { violatedUnique } from './database-errors.ts';
import { storableText } from './storable-text.ts';

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
    async begin(operation) {
      try {
        await database.query(
          'INSERT INTO mag.operations (id, kind, extension, principal, input) VALUES ($1, $2, $3, $4, $5)',
          [
            operation.id,
            operation.kind,
            operation.extension,
            operation.principal,
            JSON.stringify(operation.input),
          ],
        );
      } catch (error) {
        if (violatedUnique(error) === undefined) throw error;
        throw new MagError('E_STATE', `Another operation on ${operation.extension} is running.`, {
          cause: error,
        });
      }
    },

    async step(operation, name, state, detail) {
      await database.query(
        `INSERT INTO mag.operation_steps (operation, name, state, detail, ended_at)
         VALUES ($1, $2, $3, $4, CASE WHEN $3 = 'running' THEN NULL ELSE now() END)
         ON CONFLICT (operation, name) DO UPDATE SET state = excluded.state,
           detail = coalesce(excluded.detail, operation_steps.detail), ended_at = excluded.ended_at`,
        [operation, name, state, detail === undefined ? null : storableText(detail)],
      );
    },

    async end(operation, state, error) {
      const ended = await database.query(
        `UPDATE mag.operations SET state = $2, error = $3, ended_at = now()
         WHERE id = $1 AND state = 'running' RETURNING 1`,
        [operation, state, error === undefined ? null : JSON.stringify(error)],
      );
      if (ended.length === 0) throw new MagError('E_STATE', 'The operation is not running.');
    },

    async get(id) {
      const rows = await database.query<Row>(`${SELECT} WHERE o.id = $1`, [id]);
      return rows.map(toOperation)[0] ?? null;
    },

    async running() {
      const rows = await database.query<Row>(`${SELECT} WHERE o.state = 'running' ORDER BY o.position`);
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
