import type { FastifyInstance } from 'fastify';
import type { BackupRecord, RestoreRecord } from '../components/magds/ports.ts';
import { audited } from './audited.ts';
import { pageAddress, pageOf } from './page.ts';
import {
  aboutDatabase,
  askerOf,
  type OfProject,
  type PageQuery,
  page,
  projectParams,
  slug,
} from './project-schemas.ts';
import { answers, listOf, object } from './schemas.ts';
import type { ControlServices } from './services.ts';

const MAX_WAIT_SECONDS = 60;
const tags = ['projects'];
const PATH = '/v1/projects/:project/backups';

interface OfBackup {
  Params: { project: string; id: string };
}
const backupParams = {
  type: 'object',
  required: ['project', 'id'],
  properties: { project: slug, id: { type: 'string', format: 'uuid' } },
};

/** Backups of databases, and restoring from them. */
export function registerBackupRoutes(app: FastifyInstance, services: ControlServices): void {
  addBackups(app, services);
  addBackup(app, services);
}

function addBackups(app: FastifyInstance, { magds, audit }: ControlServices): void {
  const list = {
    tags,
    summary: 'Backups of a project, oldest first',
    params: projectParams,
    querystring: page,
    response: answers(200, 'A page of backups.', listOf('backups')),
  };
  app.get<OfProject & { Querystring: PageQuery }>(PATH, { schema: list }, async ({ params, query }) => {
    const all = await magds.backups.list(params.project);
    const { page: backups, last } = pageOf(all, ({ id }) => id, query); // ids grow with time
    const own = `/v1/projects/${params.project}/backups`;
    const next = last === null ? null : pageAddress(own, { after: last, limit: query.limit });
    return { backups: backups.map(backupView), next };
  });
  const start = {
    tags,
    summary: 'Begin a backup; ask for it to see how it goes',
    params: projectParams,
    body: object({ database: aboutDatabase }),
    response: answers(202, 'The backup, running.'),
  };
  app.post<OfProject & { Body: { database: string } }>(PATH, { schema: start }, async (request, reply) => {
    const { project } = request.params;
    const { database } = request.body;
    const move = { action: 'backup.create', target: `database:${project}/${database}`, detail: {} };
    const begun = await audited(audit, request, move, () =>
      magds.backups.start(project, database, askerOf(request)),
    );
    return reply.code(202).send(backupView(begun));
  });
}

function addBackup(app: FastifyInstance, { magds, audit, streams }: ControlServices): void {
  const params = backupParams;
  const wait = { type: 'number', minimum: 0, maximum: MAX_WAIT_SECONDS, default: 0 };
  const show = {
    tags,
    summary: 'A backup with what was restored from it; with `wait`, when both ended or the seconds are over',
    params,
    querystring: object({ wait }),
    response: answers(200, 'It.'),
  };
  app.get<OfBackup & { Querystring: { wait: number } }>(`${PATH}/:id`, { schema: show }, async (request) => {
    const { project, id } = request.params;
    // A host that shuts down does not let its clients wait.
    const over = AbortSignal.any([streams.signal, AbortSignal.timeout(request.query.wait * 1_000)]);
    const { restores, ...backup } = await magds.backups.get(project, id, over);
    return { ...backupView(backup), restores: restores.map(restoreView) };
  });
  const remove = {
    tags,
    summary: 'Remove a backup with its file',
    params,
    response: answers(200, 'Removed.'),
  };
  app.delete<OfBackup>(`${PATH}/:id`, { schema: remove }, async (request) => {
    const { project, id } = request.params;
    const move = { action: 'backup.remove', target: `backup:${id}`, detail: { project } };
    await audited(audit, request, move, () => magds.backups.remove(project, id));
    return { id, removed: true };
  });
  const restore = {
    tags,
    summary: 'Begin to bring its database back to what it was; ask for the backup to see how it goes',
    params,
    response: answers(202, 'The restore, running.'),
  };
  app.post<OfBackup>(`${PATH}/:id/restore`, { schema: restore }, async (request, reply) => {
    const { project, id } = request.params;
    const move = { action: 'backup.restore', target: `backup:${id}`, detail: { project } };
    const begun = await audited(audit, request, move, () =>
      magds.restores.start(project, id, askerOf(request)),
    );
    return reply.code(202).send(restoreView(begun));
  });
}

function backupView(backup: BackupRecord) {
  const { id, project, database, state, node, sizeBytes, sha256, toolsVersion, migrations, error } = backup;
  const { createdBy, createdAt, endedAt } = backup;
  const serverVersion = `${Math.floor(backup.serverVersion / 10_000)}.${backup.serverVersion % 10_000}`;
  return {
    ...{ id, project, database, state, node, sizeBytes, sha256, serverVersion, toolsVersion },
    ...{ extensions: Object.keys(migrations).sort(), error, createdBy, createdAt, endedAt },
  };
}

function restoreView({ id, backupId, state, error, createdBy, createdAt, endedAt }: RestoreRecord) {
  return { id, backup: backupId, state, error, createdBy, createdAt, endedAt };
}
