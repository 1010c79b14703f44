import type { FastifyInstance } from 'fastify';
import type { LogStore } from '../../kernel/ports.ts';
import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import type { StreamSource } from '../components/maggate/event-stream.ts';
import { wantsStream } from './accept.ts';
import { EXTENSION, type ExtensionParams, idOf } from './extension-routes.ts';
import { pageAddress } from './page.ts';
import { answers, extensionParams, limit, listOf, object } from './schemas.ts';
import type { ControlServices } from './services.ts';

/** Lines are durable within a second: looking more often finds nothing more. */
const POLL_MS = 1_000;
const BATCH = 200;

/** What extensions logged: newest last, or followed. */
export function registerLogRoutes(
  app: FastifyInstance,
  { operator, stores, streams }: ControlServices,
): void {
  app.get<{ Params: ExtensionParams; Querystring: { after?: number; limit: number } }>(
    `${EXTENSION}/logs`,
    {
      schema: {
        tags: ['extensions'],
        summary: 'What it logged; followed with `Accept: text/event-stream`',
        params: extensionParams,
        querystring: object({ after: { type: 'integer', minimum: 0 }, limit }),
        response: answers(200, 'Log lines, newest last.', listOf('lines')),
      },
    },
    async (request, reply) => {
      const id = idOf(request.params);
      await operator.show(id); // 404 for one that is not there
      const { after } = request.query;
      if (wantsStream(request)) {
        return streams.send(reply, await followLogs(stores.logs, id, after ?? lastSeen(request.headers)));
      }
      const options = { limit: request.query.limit, ...(after === undefined ? {} : { after }) };
      const lines = await stores.logs.read(id, options);
      const last = lines.at(-1)?.id ?? after;
      const next =
        last === undefined ? null : pageAddress(`/v1/extensions/${id}/logs`, { ...options, after: last });
      return { lines, next };
    },
  );
}

function lastSeen(headers: Record<string, unknown>): number | undefined {
  const id = headers['last-event-id'];
  return typeof id === 'string' && /^\d{1,15}$/.test(id) ? Number(id) : undefined;
}

/** From a line on, or from now on. */
async function followLogs(logs: LogStore, id: ExtensionId, from: number | undefined): Promise<StreamSource> {
  let after = from ?? (await logs.read(id, { limit: 1 })).at(-1)?.id ?? 0;
  return {
    pollMs: POLL_MS,
    async *poll() {
      for (;;) {
        const lines = await logs.read(id, { after, limit: BATCH });
        for (const line of lines) {
          after = line.id;
          yield { event: 'log', id: String(line.id), data: line };
        }
        if (lines.length < BATCH) return false;
      }
    },
  };
}
