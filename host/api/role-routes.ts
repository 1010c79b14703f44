import type { FastifyInstance } from 'fastify';
import { MagError } from '../../kernel/errors.ts';
import { HOST_ROLES, isHostRole } from '../../manifests/catalog/index.ts';
import { NO_ROLES } from '../../manifests/manifest/inbound.ts';
import { ROLE_PATTERN } from '../components/magauth/roles.ts';
import { audited } from './audited.ts';
import { answers, listOf, object } from './schemas.ts';
import type { ControlServices } from './services.ts';

interface RoleBody {
  description: string;
  permissions: string[];
}

const tags = ['access'];
const params = {
  type: 'object',
  required: ['role'],
  properties: {
    role: { type: 'string', pattern: ROLE_PATTERN, not: { enum: NO_ROLES } },
  },
} as const;

/** Roles and what they may do at the endpoints of extensions. */
export function registerRoleRoutes(app: FastifyInstance, { auth, audit }: ControlServices): void {
  const summary = 'Roles: of the host, of operators, and those that enabled extensions declare';
  app.get(
    '/v1/roles',
    { schema: { tags, summary, response: answers(200, 'All roles.', listOf('roles')) } },
    async () => {
      const ofHost = HOST_ROLES.map((name) => ({
        name,
        description: 'Of the host.',
        permissions: [],
        extension: null,
      }));
      return { roles: [...ofHost, ...(await auth.roles.list())] };
    },
  );
  const permission = {
    type: 'string',
    pattern: '^[a-z0-9-]+/[a-z0-9-]+:[a-z][a-z0-9:/_-]*$',
    maxLength: 200,
  };
  const body = object(
    {
      description: { type: 'string', minLength: 1, maxLength: 200 },
      permissions: { type: 'array', maxItems: 200, uniqueItems: true, items: permission },
    },
    ['description', 'permissions'],
  );
  app.put<{ Params: { role: string }; Body: RoleBody }>(
    '/v1/roles/:role',
    {
      schema: {
        tags,
        summary: 'Make a role, or say anew what it may',
        params,
        body,
        response: answers(200, 'The role.'),
      },
    },
    async (request) => {
      const role = { name: request.params.role, ...request.body };
      const detail = { permissions: role.permissions };
      await audited(
        audit,
        request,
        { action: 'role.define', target: `role:${role.name}`, detail },
        async () => {
          requireOwn(role.name);
          await auth.stores.roles.put(role);
          auth.roles.forget();
        },
      );
      return role;
    },
  );
  app.delete<{ Params: { role: string } }>(
    '/v1/roles/:role',
    { schema: { tags, summary: 'Remove a role of operators', params, response: answers(200, 'Removed.') } },
    async (request) => {
      const { role } = request.params;
      await audited(
        audit,
        request,
        { action: 'role.remove', target: `role:${role}`, detail: {} },
        async () => {
          requireOwn(role);
          if (!(await auth.stores.roles.remove(role)))
            throw new MagError('E_NOT_FOUND', 'No operator made such a role.');
          auth.roles.forget();
        },
      );
      return { role, removed: true };
    },
  );
}

function requireOwn(role: string): void {
  if (isHostRole(role)) throw new MagError('E_ROLE', `${role} is a role of the host and stays what it is.`);
}
