import type { FastifyInstance } from 'fastify';
import type { DatabaseRecord, ProjectRecord } from '../components/magds/ports.ts';
import { principalOf } from '../components/maggate/access-control.ts';
import { audited } from './audited.ts';
import { pageAddress, pageOf } from './page.ts';
import {
  askerOf,
  databaseName,
  type OfProject,
  type PageQuery,
  page,
  projectParams,
  slug,
} from './project-schemas.ts';
import { answers, listOf, object } from './schemas.ts';
import type { ControlServices } from './services.ts';

interface ProjectBody {
  id: string;
  name?: string;
  tenant?: string;
}

interface DatabaseBody {
  name: string;
  extensions?: string[];
  settings?: Record<string, string>;
}

const tags = ['projects'];

/** Projects and their databases. */
export function registerProjectRoutes(app: FastifyInstance, services: ControlServices): void {
  addProjects(app, services);
  addProject(app, services);
  addDatabases(app, services);
  addDatabase(app, services);
}

function addProjects(app: FastifyInstance, { magds, audit }: ControlServices): void {
  const list = {
    tags,
    summary: 'Projects',
    querystring: page,
    response: answers(200, 'A page of projects.', listOf('projects')),
  };
  app.get<{ Querystring: PageQuery }>('/v1/projects', { schema: list }, async ({ query }) => {
    const { page: items, last } = pageOf(await magds.projects(), ({ id }) => id, query);
    const next = last === null ? null : pageAddress('/v1/projects', { after: last, limit: query.limit });
    return { projects: items.map(projectView), next };
  });
  const create = {
    tags,
    summary: 'Make a project, for a tenant',
    body: object(
      {
        id: slug,
        name: { type: 'string', minLength: 1, maxLength: 120 },
        tenant: { type: 'string', pattern: '^t_[a-z0-9_-]+$', maxLength: 80 },
      },
      ['id'],
    ),
    response: answers(201, 'The project.'),
  };
  app.post<{ Body: ProjectBody }>('/v1/projects', { schema: create }, async (request, reply) => {
    const { id, name = id, tenant = principalOf(request).tenant } = request.body;
    const move = { action: 'project.create', target: `project:${id}`, detail: { name, tenant } };
    const made = await audited(audit, request, move, () =>
      magds.createProject({ id, name, tenantId: tenant }, askerOf(request)),
    );
    return reply.code(201).send(projectView(made));
  });
}

function addProject(app: FastifyInstance, { magds, audit }: ControlServices): void {
  const params = projectParams;
  const show = { tags, summary: 'A project with its databases', params, response: answers(200, 'It.') };
  app.get<OfProject>('/v1/projects/:project', { schema: show }, async ({ params: { project } }) => {
    const [record, databases] = await Promise.all([magds.project(project), magds.databases.list(project)]);
    return { ...projectView(record), databases: databases.map(databaseView) };
  });
  const remove = {
    tags,
    summary: 'Remove a project that has no databases',
    params,
    response: answers(200, 'Removed.'),
  };
  app.delete<OfProject>('/v1/projects/:project', { schema: remove }, async (request) => {
    const { project } = request.params;
    const move = { action: 'project.remove', target: `project:${project}`, detail: {} };
    await audited(audit, request, move, () => magds.removeProject(project));
    return { id: project, removed: true };
  });
  const health = {
    tags,
    summary: 'How its databases are, with what extensions add',
    params,
    response: answers(200, 'The report.'),
  };
  app.get<OfProject>('/v1/projects/:project/health', { schema: health }, async (request) =>
    magds.health(request.params.project, askerOf(request)),
  );
}

function addDatabases(app: FastifyInstance, { magds, audit }: ControlServices): void {
  const params = projectParams;
  const list = {
    tags,
    summary: 'Databases of a project',
    params,
    querystring: page,
    response: answers(200, 'A page of databases.', listOf('databases')),
  };
  const path = '/v1/projects/:project/databases';
  app.get<OfProject & { Querystring: PageQuery }>(path, { schema: list }, async ({ params, query }) => {
    const all = await magds.databases.list(params.project);
    const { page: items, last } = pageOf(all, ({ name }) => name, query);
    const own = `/v1/projects/${params.project}/databases`;
    const next = last === null ? null : pageAddress(own, { after: last, limit: query.limit });
    return { databases: items.map(databaseView), next };
  });
  const create = {
    tags,
    summary: 'Make a database; extensions that guard it may be against it, or choose what it begins with',
    params,
    body: object(
      {
        name: databaseName,
        extensions: { type: 'array', maxItems: 50, items: { type: 'string', maxLength: 63 } },
        settings: {
          type: 'object',
          maxProperties: 20,
          additionalProperties: { type: 'string', maxLength: 200 },
        },
      },
      ['name'],
    ),
    response: answers(201, 'The database.'),
  };
  app.post<OfProject & { Body: DatabaseBody }>(path, { schema: create }, async (request, reply) => {
    const { project } = request.params;
    const target = `database:${project}/${request.body.name}`;
    const move = { action: 'database.create', target, detail: { ...request.body } };
    const made = await audited(audit, request, move, () =>
      magds.databases.create(project, request.body, askerOf(request)),
    );
    return reply.code(201).send(databaseView(made));
  });
}

function addDatabase(app: FastifyInstance, { magds, audit }: ControlServices): void {
  const params = {
    type: 'object',
    required: ['project', 'database'],
    properties: { project: slug, database: databaseName },
  };
  interface OfDatabase {
    Params: { project: string; database: string };
  }
  const path = '/v1/projects/:project/databases/:database';
  const show = { tags, summary: 'A database', params, response: answers(200, 'It.') };
  app.get<OfDatabase>(path, { schema: show }, async ({ params: { project, database } }) => {
    const { sizeBytes, ...record } = await magds.databases.get(project, database);
    return { ...databaseView(record), sizeBytes };
  });
  const remove = {
    tags,
    summary: 'Remove a database with all that is in it; its backups stay',
    params,
    response: answers(200, 'Removed.'),
  };
  app.delete<OfDatabase>(path, { schema: remove }, async (request) => {
    const { project, database } = request.params;
    const move = { action: 'database.remove', target: `database:${project}/${database}`, detail: {} };
    await audited(audit, request, move, () => magds.databases.remove(project, database, askerOf(request)));
    return { project, name: database, removed: true };
  });
}

function projectView({ tenantId, ...project }: ProjectRecord) {
  const { id, name, createdBy, createdAt } = project;
  return { id, name, tenant: tenantId, createdBy, createdAt };
}

/** `serverName` is what tools of Postgres find it by; that of the host is not told. */
function databaseView({ profile, ...database }: DatabaseRecord) {
  const { project, name, serverName, state, createdBy, createdAt } = database;
  return { project, name, serverName, state, ...profile, createdBy, createdAt };
}
