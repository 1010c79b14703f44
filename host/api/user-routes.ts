import type { FastifyInstance } from 'fastify';
import { MagError } from '../../kernel/errors.ts';
import { NO_ROLES } from '../../manifests/manifest/inbound.ts';
import type { PrincipalKind, PrincipalRecord, RoleAssignment } from '../components/magauth/ports.ts';
import { ROLE_PATTERN } from '../components/magauth/roles.ts';
import { principalOf } from '../components/maggate/access-control.ts';
import { audited } from './audited.ts';
import { pageAddress, pageOf } from './page.ts';
import { answers, limit, listOf, object, tenantId, userId } from './schemas.ts';
import type { ControlServices } from './services.ts';

interface UserBody {
  name: string;
  kind: PrincipalKind;
  email?: string;
  tenant?: string;
}

type OfUser = { Params: { id: string } };
type OfRole = { Params: { id: string; tenant: string; role: string } };

const tags = ['access'];
const params = { type: 'object', required: ['id'], properties: { id: userId } } as const;
const OPERATOR = 'operator';

/** Users and services, and the roles they have in tenants. */
export function registerUserRoutes(app: FastifyInstance, services: ControlServices): void {
  addReads(app, services);
  addCreate(app, services);
  addMoves(app, services);
  addRoles(app, services);
}

function addReads(app: FastifyInstance, { auth }: ControlServices): void {
  const { principals } = auth.stores;
  app.get<{ Querystring: { after?: string; limit: number } }>(
    '/v1/users',
    {
      schema: {
        tags,
        summary: 'Users and services of every tenant, by id',
        querystring: object({ after: { type: 'string', maxLength: 100 }, limit }),
        response: answers(200, 'A page of users.', listOf('users')),
      },
    },
    async ({ query }) => {
      const { page, last } = pageOf(await principals.list(), ({ id }) => id, query);
      const next = last === null ? null : pageAddress('/v1/users', { after: last, limit: query.limit });
      return { users: page.map(userView), next };
    },
  );
  app.get<OfUser>(
    '/v1/users/:id',
    { schema: { tags, summary: 'One, with its roles', params, response: answers(200, 'The user.') } },
    async ({ params: { id } }) => {
      const user = await principals.get(id);
      if (user === null) throw noUser();
      return { ...userView(user), roles: (await principals.assignments(id)).map(assignmentView) };
    },
  );
}

function addCreate(app: FastifyInstance, { auth, audit }: ControlServices): void {
  const body = object(
    {
      name: { type: 'string', minLength: 1, maxLength: 200 },
      kind: { enum: ['user', 'service'], default: 'user' },
      email: { type: 'string', maxLength: 200 },
      tenant: tenantId,
    },
    ['name'],
  );
  const schema = { tags, summary: 'Make a user or a service', body, response: answers(201, 'The user.') };
  app.post<{ Body: UserBody }>('/v1/users', { schema }, async (request, reply) => {
    const { name, kind, email = null, tenant = principalOf(request).tenant } = request.body;
    const move = { action: 'user.create', target: `${kind}:${name}`, detail: { name, kind, tenant } };
    const user = await audited(audit, request, move, () =>
      auth.stores.principals.create({ name, kind, email, tenantId: tenant }),
    );
    reply.code(201);
    return userView(user);
  });
}

function addMoves(app: FastifyInstance, { auth, audit }: ControlServices): void {
  const { principals, sessions } = auth.stores;
  const move = (
    method: 'POST' | 'DELETE',
    url: string,
    action: string,
    summary: string,
    act: (id: string) => Promise<unknown>,
  ) =>
    app.route<OfUser>({
      method,
      url,
      schema: { tags, summary, params, response: answers(200, 'Done.') },
      handler: async (request) => {
        const { id } = request.params;
        await audited(audit, request, { action, target: `user:${id}`, detail: {} }, async () => {
          await act(id);
          auth.authenticator.forget();
        });
        return { id };
      },
    });
  const setDisabled = async (id: string, disabled: boolean) => {
    if (await principals.setDisabled(id, disabled)) return;
    if ((await principals.get(id)) === null) throw noUser();
    throw new MagError('E_STATE', disabled ? 'The user is disabled already.' : 'The user is not disabled.');
  };
  move(
    'POST',
    '/v1/users/:id/disable',
    'user.disable',
    'Lock it out: its sessions end, its tokens rest',
    async (id) => {
      await setDisabled(id, true);
      await sessions.revoke({ principalId: id });
    },
  );
  move('POST', '/v1/users/:id/enable', 'user.enable', 'Let it in again', (id) => setDisabled(id, false));
  move('DELETE', '/v1/users/:id', 'user.remove', 'Remove it with its sessions and tokens', async (id) => {
    if (!(await principals.remove(id))) throw noUser();
  });
}

function addRoles(app: FastifyInstance, { auth, audit }: ControlServices): void {
  const { principals } = auth.stores;
  const ofRole = {
    type: 'object',
    required: ['id', 'tenant', 'role'],
    properties: {
      id: userId,
      tenant: tenantId,
      role: { type: 'string', pattern: ROLE_PATTERN, not: { enum: NO_ROLES } },
    },
  };
  const change = (method: 'PUT' | 'DELETE', action: string, summary: string) =>
    app.route<OfRole>({
      method,
      url: '/v1/users/:id/roles/:tenant/:role',
      schema: { tags, summary, params: ofRole, response: answers(200, 'Its roles.') },
      handler: async (request) => {
        const { id, tenant, role } = request.params;
        const assignment = { tenantId: tenant, role, source: OPERATOR, assignedBy: principalOf(request).id };
        const move = { action, target: `user:${id}`, detail: { role, tenant } };
        await audited(audit, request, move, async () => {
          if (method === 'PUT') await principals.assign(id, assignment);
          else if (!(await principals.unassign(id, assignment)))
            throw new MagError('E_NOT_FOUND', 'No operator gave the user this role.');
          auth.authenticator.forget();
        });
        return { id, roles: (await principals.assignments(id)).map(assignmentView) };
      },
    });
  change('PUT', 'role.assign', 'Give it a role in a tenant');
  change('DELETE', 'role.unassign', 'Take a role that an operator gave');
}

function userView({ tenantId, ...user }: PrincipalRecord) {
  const { id, kind, name, email, createdAt, disabledAt } = user;
  return { id, kind, name, email, tenant: tenantId, createdAt, disabledAt };
}

function assignmentView({ tenantId, role, source, assignedBy, assignedAt }: RoleAssignment) {
  return { tenant: tenantId, role, source, assignedBy, assignedAt };
}

function noUser(): MagError {
  return new MagError('E_NOT_FOUND', 'No such user.');
}
