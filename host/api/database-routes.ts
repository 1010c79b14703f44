import type { FastifyInstance } from 'fastify';
import type { NewPolicy } from '../components/magds/policies.ts';
import { audited } from './audited.ts';
import { pageAddress, pageOf } from './page.ts';
import {
  aboutDatabase,
  askerOf,
  type OfProject,
  type PageQuery,
  page,
  pageOfDatabase,
  projectParams,
} from './project-schemas.ts';
import { answers, listOf, object } from './schemas.ts';
import type { ControlServices } from './services.ts';

interface OfDatabase extends OfProject {
  Querystring: PageQuery & { database: string };
}

interface MigrationBody {
  database: string;
  name: string;
  sql: string;
}

interface PolicyBody extends Omit<NewPolicy, 'using' | 'check'> {
  database: string;
  using?: string | null;
  check?: string | null;
}

const tags = ['projects'];
const params = projectParams;

/** What operators do to a database of a project: migrations, policies, restore points. */
export function registerDatabaseRoutes(app: FastifyInstance, services: ControlServices): void {
  addMigrations(app, services);
  addPolicies(app, services);
  addRestorePoints(app, services);
}

function addMigrations(app: FastifyInstance, { magds, audit }: ControlServices): void {
  const path = '/v1/projects/:project/migrations';
  const list = {
    tags,
    summary: 'Migrations that operators gave a database, in the order they ran',
    params,
    querystring: pageOfDatabase,
    response: answers(200, 'A page of migrations.', listOf('migrations')),
  };
  app.get<OfDatabase>(path, { schema: list }, async ({ params: { project }, query }) => {
    const all = await magds.migrations.list(project, query.database);
    const { page: migrations, last } = pageOf(all, ({ name }) => name, query);
    return { migrations, next: nextPage(`/v1/projects/${project}/migrations`, last, query) };
  });
  const apply = {
    tags,
    summary: 'Run a migration, in one transaction; one that ran already is left alone',
    params,
    body: object(
      {
        database: aboutDatabase,
        name: { type: 'string', pattern: '^[0-9]{4}_[a-z0-9_]{1,80}$' },
        sql: { type: 'string', minLength: 1, maxLength: 900_000 },
      },
      ['name', 'sql'],
    ),
    response: answers(201, 'The migration, as it is on record.'),
  };
  app.post<OfProject & { Body: MigrationBody }>(path, { schema: apply }, async (request, reply) => {
    const { project } = request.params;
    const { database, name, sql } = request.body;
    const target = `database:${project}/${database}`;
    const move = { action: 'database.migrate', target, detail: { migration: name } };
    const applied = await audited(audit, request, move, () =>
      magds.migrations.apply(project, database, { name, sql }, askerOf(request)),
    );
    return reply.code(201).send(applied);
  });
}

function addPolicies(app: FastifyInstance, { magds, audit }: ControlServices): void {
  const path = '/v1/projects/:project/policies';
  const list = {
    tags,
    summary: 'Row-level-security policies of a database',
    params,
    querystring: pageOfDatabase,
    response: answers(200, 'A page of policies.', listOf('policies')),
  };
  app.get<OfDatabase>(path, { schema: list }, async ({ params: { project }, query }) => {
    const all = await magds.policies.list(project, query.database);
    const { page: policies, last } = pageOf(all, ({ table, name }) => `${table}.${name}`, query);
    return { policies, next: nextPage(`/v1/projects/${project}/policies`, last, query) };
  });
  const create = {
    tags,
    summary: 'Turn row-level security on for a table and make a policy',
    params,
    body: POLICY_BODY,
    response: answers(201, 'The policy, as it was made.'),
  };
  app.post<OfProject & { Body: PolicyBody }>(path, { schema: create }, async (request, reply) => {
    const { project } = request.params;
    const { database, using = null, check = null, ...rest } = request.body;
    const policy: NewPolicy = { ...rest, using, check };
    const target = `database:${project}/${database}`;
    const move = { action: 'database.policy.create', target, detail: { ...policy } };
    const made = await audited(audit, request, move, () =>
      magds.policies.create(project, database, policy, askerOf(request)),
    );
    return reply.code(201).send(made);
  });
}

function addRestorePoints(app: FastifyInstance, { magds, audit }: ControlServices): void {
  const path = '/v1/projects/:project/restore-points';
  const list = {
    tags,
    summary: 'Restore points; `degraded` says why the server could not be taken back to one',
    params,
    querystring: page,
    response: answers(200, 'A page of restore points.', listOf('restorePoints')),
  };
  app.get<OfProject & { Querystring: PageQuery }>(path, { schema: list }, async (request) => {
    const { project } = request.params;
    const all = await magds.restorePoints.list(project);
    const { page: restorePoints, last } = pageOf(all, ({ name }) => name, request.query);
    const next = nextPage(`/v1/projects/${project}/restore-points`, last, request.query);
    return { restorePoints, next, degraded: await magds.restorePoints.degradation() };
  });
  const create = {
    tags,
    summary: 'Mark a place in the write-ahead log of the server',
    params,
    body: object({ name: { type: 'string', pattern: '^[a-z0-9][a-z0-9_-]{0,29}$' } }, ['name']),
    response: answers(201, 'The restore point.'),
  };
  app.post<OfProject & { Body: { name: string } }>(path, { schema: create }, async (request, reply) => {
    const { project } = request.params;
    const { name } = request.body;
    const move = { action: 'restore_point.create', target: `project:${project}`, detail: { name } };
    const made = await audited(audit, request, move, () =>
      magds.restorePoints.create(project, name, askerOf(request)),
    );
    return reply.code(201).send({ ...made, degraded: await magds.restorePoints.degradation() });
  });
}

const expression = { type: ['string', 'null'], minLength: 1, maxLength: 8_192 };
const POLICY_BODY = object(
  {
    database: aboutDatabase,
    table: { type: 'string', maxLength: 127 },
    name: { type: 'string', pattern: '^[a-z][a-z0-9_]{0,62}$' },
    command: { enum: ['all', 'select', 'insert', 'update', 'delete'], default: 'all' },
    permissive: { type: 'boolean', default: true },
    using: expression,
    check: expression,
  },
  ['table', 'name'],
);

function nextPage(path: string, last: string | null, query: PageQuery & { database?: string }) {
  if (last === null) return null;
  return pageAddress(path, { after: last, limit: query.limit, database: query.database });
}
