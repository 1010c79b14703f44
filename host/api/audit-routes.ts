import type { FastifyInstance } from 'fastify';
import type { AuditRecord, AuditStore } from '../../kernel/ports.ts';
import { pageAddress } from './page.ts';
import { answers, limit, listOf, object } from './schemas.ts';
import type { ControlServices } from './services.ts';

interface AuditQuery {
  after?: number;
  before?: number;
  limit: number;
  action?: string;
  target?: string;
}

/** The hash-chained audit log. */
export function registerAuditRoutes(app: FastifyInstance, { audit, stores }: ControlServices): void {
  const tags = ['audit'];
  const text = { type: 'string', minLength: 1, maxLength: 200 };
  const sequence = { type: 'integer', minimum: 0 };
  app.get<{ Querystring: AuditQuery }>(
    '/v1/audit',
    {
      schema: {
        tags,
        summary: 'Records, newest first, going back with `before`; with `after`, all records oldest first',
        querystring: object({ after: sequence, before: sequence, limit, action: text, target: text }),
        response: answers(200, 'A page of records.', listOf('records')),
      },
    },
    async ({ query }) => {
      const records = await readRecords(stores.audit, query);
      return { records, next: nextPage(query, records) };
    },
  );
  app.get(
    '/v1/audit/verify',
    {
      schema: {
        tags,
        summary: 'Walks the whole chain',
        response: answers(200, '`ok`, or where it is broken and why.'),
      },
    },
    async () => audit.verify(),
  );
}

function readRecords(store: AuditStore, { after, ...query }: AuditQuery): Promise<AuditRecord[]> {
  return after === undefined ? store.latest(query) : store.read({ after, limit: query.limit });
}

function nextPage(query: AuditQuery, records: readonly AuditRecord[]): string | null {
  const last = records.at(-1)?.sequence;
  if (last === undefined || records.length < query.limit) return null;
  const place = query.after === undefined ? { before: last } : { after: last };
  return pageAddress('/v1/audit', { ...query, ...place });
}
