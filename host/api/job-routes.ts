import type { FastifyInstance } from 'fastify';
import { MagError } from '../../kernel/errors.ts';
import { audited } from './audited.ts';
import { EXTENSION, type ExtensionParams, idOf } from './extension-routes.ts';
import { pageAddress } from './page.ts';
import { answers, extensionParams, limit, listOf, object } from './schemas.ts';
import type { ControlServices } from './services.ts';

type JobParams = ExtensionParams & { job: string };

const jobParams = {
  ...extensionParams,
  properties: { ...extensionParams.properties, job: { type: 'string', format: 'uuid' } },
  required: [...extensionParams.required, 'job'],
};

/** The background jobs of extensions. */
export function registerJobRoutes(app: FastifyInstance, services: ControlServices): void {
  const { operator, jobs } = services;
  app.get<{ Params: ExtensionParams; Querystring: { after?: number; limit: number } }>(
    `${EXTENSION}/jobs`,
    {
      schema: {
        tags: ['extensions'],
        summary:
          'Its background jobs, newest first; those that ended are kept for a day, failed ones for a week',
        params: extensionParams,
        querystring: object({ after: { type: 'integer', minimum: 1 }, limit }),
        response: answers(200, 'Jobs.', listOf('jobs')),
      },
    },
    async (request) => {
      const id = idOf(request.params);
      await operator.show(id); // 404 for one that is not there
      const { after, limit } = request.query;
      const found = await jobs.list(id, { limit, ...(after === undefined ? {} : { before: after }) });
      const last = found.length === limit ? found.at(-1)?.position : undefined;
      const next =
        last === undefined ? null : pageAddress(`/v1/extensions/${id}/jobs`, { limit, after: last });
      return { jobs: found, next };
    },
  );
  addMove(app, services, 'cancel', 'Cancel a job that waits', (id, job) =>
    jobs.cancel({ extension: id }, job),
  );
  addMove(app, services, 'retry', 'Queue a job that has ended once more', (id, job) => jobs.again(id, job));
}

function addMove(
  app: FastifyInstance,
  { audit }: ControlServices,
  verb: 'cancel' | 'retry',
  summary: string,
  move: (id: ReturnType<typeof idOf>, job: string) => Promise<boolean>,
): void {
  const schema = { tags: ['extensions'], summary, params: jobParams, response: answers(200, 'Done.') };
  app.post<{ Params: JobParams }>(`${EXTENSION}/jobs/:job/${verb}`, { schema }, async (request) => {
    const [id, { job }] = [idOf(request.params), request.params];
    await audited(audit, request, { action: `job.${verb}`, target: id, detail: { job } }, async () => {
      if (!(await move(id, job)))
        throw new MagError('E_NOT_FOUND', `${id} has no such job that could be ${PAST[verb]}.`);
    });
    return { id: job, [PAST[verb]]: true };
  });
}

const PAST = { cancel: 'cancelled', retry: 'retried' } as const;
