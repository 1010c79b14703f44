import type { FastifyInstance } from 'fastify';
import type { Scope } from '../../manifests/catalog/index.ts';
import type { JsonObject } from '../../manifests/json.ts';
import { principalOf } from '../components/maggate/access-control.ts';
import { EXTENSION, type ExtensionParams, idOf } from './extension-routes.ts';
import { answers, capabilityParams, extensionParams, object, scopeSchema } from './schemas.ts';
import type { ControlServices } from './services.ts';

type GrantParams = ExtensionParams & { capability: string };

/** What an extension may do. Both take effect at once. */
export function registerGrantRoutes(app: FastifyInstance, { operator }: ControlServices): void {
  const tags = ['extensions'];
  const params = capabilityParams;
  app.put<{ Params: GrantParams; Body: { scope?: Scope | null } }>(
    `${EXTENSION}/grants/:capability`,
    {
      schema: {
        tags,
        summary: 'Grant a capability its manifest declares, or restore it; without a scope, all of it',
        params,
        body: object({ scope: { anyOf: [scopeSchema, { type: 'null' }] } }),
        response: answers(200, 'Granted.'),
      },
      preValidation: async (request) => {
        request.body ??= {};
      },
    },
    async (request) => {
      const { capability } = request.params;
      const [id, scope] = [idOf(request.params), request.body.scope ?? null];
      await operator.grant(id, capability, scope, principalOf(request));
      return { extension: id, capability, scope, granted: true };
    },
  );
  app.delete<{ Params: GrantParams }>(
    `${EXTENSION}/grants/:capability`,
    {
      schema: {
        tags,
        summary: 'Revoke a capability, calls in flight included',
        params,
        response: answers(200, 'Revoked.'),
      },
    },
    async (request) => {
      const { capability } = request.params;
      const id = idOf(request.params);
      await operator.revoke(id, capability, principalOf(request));
      return { extension: id, capability, granted: false };
    },
  );
}

export function registerConfigRoutes(app: FastifyInstance, { operator }: ControlServices): void {
  const tags = ['extensions'];
  const params = extensionParams;
  app.get<{ Params: ExtensionParams }>(
    `${EXTENSION}/config`,
    { schema: { tags, summary: 'Its configuration', params, response: answers(200, 'The configuration.') } },
    async (request) => (await operator.show(idOf(request.params))).record.config,
  );
  app.put<{ Params: ExtensionParams; Body: JsonObject }>(
    `${EXTENSION}/config`,
    {
      config: { bodyOfOthers: true },
      schema: {
        tags,
        summary: 'Replace its configuration, from the next enable on',
        params,
        body: { type: 'object' },
        response: answers(200, 'The configuration as it is now.'),
      },
    },
    async (request) => {
      const id = idOf(request.params);
      await operator.configure(id, request.body, principalOf(request));
      return (await operator.show(id)).record.config;
    },
  );
}
