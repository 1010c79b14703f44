import type { FastifyInstance } from 'fastify';
import { MagError } from '../../kernel/errors.ts';
import { principalIdOf, type SessionRecord } from '../components/magauth/ports.ts';
import { audited } from './audited.ts';
import { answers, idParams, listOf, object, userId } from './schemas.ts';
import type { ControlServices } from './services.ts';

const tags = ['access'];

/** Who is logged in. */
export function registerSessionRoutes(app: FastifyInstance, { auth, audit }: ControlServices): void {
  const { sessions } = auth.stores;
  app.get<{ Querystring: { user?: string } }>(
    '/v1/sessions',
    {
      schema: {
        tags,
        summary: 'Sessions that are good, newest first',
        querystring: object({ user: userId }),
        response: answers(200, 'Sessions.', listOf('sessions')),
      },
    },
    async ({ query }) => ({ sessions: (await sessions.list(query.user)).map(sessionView) }),
  );
  app.delete<{ Params: { id: string } }>(
    '/v1/sessions/:id',
    {
      schema: { tags, summary: 'End a session, at once', params: idParams, response: answers(200, 'Ended.') },
    },
    async (request) => {
      const { id } = request.params;
      await audited(
        audit,
        request,
        { action: 'session.revoke', target: `session:${id}`, detail: {} },
        async () => {
          const [ended] = await sessions.revoke({ id });
          if (ended === undefined) throw new MagError('E_NOT_FOUND', 'No such session.');
          auth.authenticator.forget();
          await auth.emit(logoutOf(ended));
        },
      );
      return { id, revoked: true };
    },
  );
}

/** What the bus is told of a session that was ended. */
export function logoutOf(session: Pick<SessionRecord, 'kind' | 'id' | 'principal' | 'tenantId'>) {
  return {
    type: 'auth.user.logout',
    data: { principal: principalIdOf(session), session: session.id },
    context: { tenant_id: session.tenantId },
  };
}

function sessionView({ tenantId, principal, ...session }: SessionRecord) {
  const { id, name, provider, createdAt, lastSeenAt, expiresAt } = session;
  return { id, user: principal.id, name, tenant: tenantId, provider, createdAt, lastSeenAt, expiresAt };
}
