import { defineExtension, ExtensionError } from '#sdk';
import { checkPin, rolesOfGroups } from './logins.ts';

export default defineExtension({
  providers: {
    company: (login) => {
      if (login.kind === 'sso') throw new ExtensionError('WRONG_KIND', 'The company has an account for you.');
      return { roles: rolesOfGroups(login.claims.groups) };
    },
    kiosk: checkPin,
  },
  endpoints: {
    'GET /notices': async (_request, ctx) => ({
      body: { notices: (await ctx.state.get<string[]>('notices')) ?? [] },
    }),
    'POST /notices': async (request, ctx) => {
      if (typeof request.body !== 'string') return { status: 400, body: { error: 'a text is needed' } };
      const notices = (await ctx.state.get<string[]>('notices')) ?? [];
      await ctx.state.set('notices', [...notices, request.body]);
      return { status: 201 };
    },
    'POST /editors/:principal': async (request, ctx) => ({
      body: { assigned: await ctx.auth.roles.assign(request.params.principal ?? '', 'editor') },
    }),
    'GET /editors': async (_request, ctx) => ({
      body: {
        editors: await ctx.auth.roles.holders('editor'),
        given: (await ctx.auth.audit.query({ action: 'role.assign', limit: 20 })).map(
          ({ at, target, principal }) => ({
            at,
            target,
            principal,
          }),
        ),
      },
    }),
  },
  hooks: {
    'magauth.permission_resolver': ({ extension, wanted, roles }, ctx) => {
      const isOurs = extension === ctx.extension.id && wanted.startsWith('permission:');
      if (isOurs && ctx.config.closed === true && !roles.includes('editor'))
        throw new ExtensionError('CLOSED', 'The board is closed.');
    },
    'magauth.audit_emitter': async ({ action, outcome, tenant }, ctx) => {
      if (action === 'auth.login' && outcome === 'ok') ctx.log.info('somebody logged in', { tenant });
    },
  },
});
