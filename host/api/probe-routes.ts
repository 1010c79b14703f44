import type { FastifyInstance } from 'fastify';
import { codeOf } from '../../kernel/errors.ts';
import { answers } from './schemas.ts';
import type { ControlServices } from './services.ts';

/** A database that takes longer is not ready. */
const DATABASE_DEADLINE_MS = 2_000;

/** Liveness, readiness and numbers, for whoever runs the host. */
export function registerProbeRoutes(app: FastifyInstance, services: ControlServices): void {
  app.get(
    '/healthz',
    {
      schema: {
        tags: ['host'],
        summary: 'The process is alive',
        security: [],
        response: answers(200, 'Alive.'),
      },
    },
    (_request, reply) => void reply.send({ status: 'ok' }),
  );
  app.get(
    '/readyz',
    {
      schema: {
        tags: ['host'],
        summary: 'The host can do its work; 503 with the same details when it cannot',
        security: [],
        response: { ...answers(200, 'Ready.'), ...answers(503, 'Not ready: the details say why.') },
      },
    },
    async (_request, reply) => {
      const database = await checkDatabase(services);
      const { degradations } = services.hostInfo();
      const ready = database.ok;
      return reply.code(ready ? 200 : 503).send({ ready, checks: { database }, degradations });
    },
  );
  app.get(
    '/metrics',
    { schema: { tags: ['host'], summary: 'Numbers for Prometheus; without a token only from this machine' } },
    async (_request, reply) => {
      reply.type(services.metrics.contentType);
      return services.metrics.text();
    },
  );
}

async function checkDatabase({ stores, logger }: ControlServices): Promise<{ ok: boolean; code?: string }> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error('the database is too slow')), DATABASE_DEADLINE_MS);
  try {
    await Promise.race([stores.audit.latest({ limit: 1 }), late.promise]);
    return { ok: true };
  } catch (error) {
    logger.warn({ err: error }, 'not ready: the database does not answer');
    return { ok: false, code: codeOf(error) ?? 'E_STORAGE' };
  } finally {
    clearTimeout(timer);
  }
}
