import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { MagError, toMagError } from '../../kernel/errors.ts';
import type { Json } from '../../manifests/json.ts';
import type { LoggedIn, Visitor } from '../components/magauth/logins.ts';
import { principalIdOf } from '../components/magauth/ports.ts';
import { addressOf } from '../components/maggate/rate-limits.ts';
import { answers, bareAnswers, extensionParams, listOf, object } from './schemas.ts';
import type { ControlServices } from './services.ts';
import { logoutOf } from './session-routes.ts';

type OfProvider = { Params: { publisher: string; name: string; provider: string } };

const tags = ['login'];
/** Whoever logs in has nothing to show yet. */
const open = { tags, security: [] };
const params = {
  type: 'object',
  required: ['publisher', 'name', 'provider'],
  properties: {
    ...extensionParams.properties,
    provider: { type: 'string', pattern: '^[a-z][a-z0-9_-]*$', maxLength: 80 },
  },
} as const;
const state = { type: 'string', minLength: 1, maxLength: 200 } as const;
const MAX_FORM_BYTES = 400_000;

/** Logging in and out (spec 04, MagAuth). Who is refused is put on record. */
export function registerAuthRoutes(app: FastifyInstance, services: ControlServices): void {
  addProviders(app, services);
  addBegin(app, services);
  addCredentials(app, services);
  addOidcCallback(app, services);
  addSaml(app, services);
  addSession(app, services);
}

function addProviders(app: FastifyInstance, { auth }: ControlServices): void {
  const schema = {
    ...open,
    summary: 'What people can log in with',
    response: answers(200, 'The login providers of enabled extensions.', listOf('providers')),
  };
  app.get('/auth/providers', { schema }, async () => ({
    providers: auth.providers.list().map(({ key, path, declared: { kind, title, tenant } }) => ({
      id: key,
      kind,
      title,
      tenant,
      login: `/auth/login/${path}`,
    })),
  }));
}

function addBegin(app: FastifyInstance, services: ControlServices): void {
  const { auth } = services;
  const querystring = object({
    return: { type: 'string', minLength: 1, maxLength: 500, default: '/auth/session' },
  });
  const schema = {
    ...open,
    summary: 'Log in with a provider: leads the browser there',
    params,
    querystring,
    response: bareAnswers(303, 'To the provider.'),
  };
  app.get<OfProvider & { Querystring: { return: string } }>(
    '/auth/login/:publisher/:name/:provider',
    { schema },
    (request, reply) =>
      recorded(services, request, async () => {
        const visitor = visitorOf(services, request);
        const { url, browser } = await auth.logins.begin(keyOf(request), request.query.return, visitor);
        auth.cookies.setBrowser(reply, browser);
        return leadTo(reply, url.href);
      }),
  );
}

function addCredentials(app: FastifyInstance, services: ControlServices): void {
  const body = object({ username: { type: 'string', minLength: 1, maxLength: 200 }, credentials: {} }, [
    'username',
    'credentials',
  ]);
  const schema = {
    ...open,
    summary:
      'Log in with credentials that the extension checks; the session is in the answer and in a cookie',
    params,
    body,
    response: answers(201, 'The session.'),
  };
  app.post<OfProvider & { Body: { username: string; credentials: Json } }>(
    '/auth/login/:publisher/:name/:provider',
    { schema, config: { bodyOfOthers: true } },
    (request, reply) =>
      recorded(services, request, async () => {
        const session = await services.auth.logins.logIn(
          keyOf(request),
          request.body,
          visitorOf(services, request),
        );
        setSession(services, reply, session);
        const { token, expiresAt, principal, tenant } = session;
        return reply.code(201).send({ token, expiresAt, principal, tenant });
      }),
  );
}

function addOidcCallback(app: FastifyInstance, services: ControlServices): void {
  const schema = {
    ...open,
    summary: 'Where OpenID Connect providers lead the browser back to',
    params,
    response: bareAnswers(303, 'Logged in: to where the login was begun for.'),
  };
  app.get<OfProvider>('/auth/callback/:publisher/:name/:provider', { schema }, (request, reply) =>
    recorded(services, request, async () => {
      const search = request.url.includes('?') ? request.url.slice(request.url.indexOf('?')) : '';
      const { logins } = services.auth;
      return welcome(
        services,
        reply,
        await logins.finishOidc(keyOf(request), search, visitorOf(services, request)),
      );
    }),
  );
}

function addSaml(app: FastifyInstance, services: ControlServices): void {
  const { logins } = services.auth;
  app.get<OfProvider>(
    '/auth/saml/:publisher/:name/:provider/metadata',
    { schema: { ...open, summary: 'What a SAML provider is configured with', params } },
    async (request, reply) =>
      reply.type('application/samlmetadata+xml').send(logins.metadata(keyOf(request))),
  );
  app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser(
      'application/x-www-form-urlencoded',
      { parseAs: 'string', bodyLimit: MAX_FORM_BYTES },
      async (_request: FastifyRequest, text: string) => Object.fromEntries(new URLSearchParams(text)),
    );
    const body = {
      type: 'object',
      required: ['SAMLResponse', 'RelayState'],
      properties: { SAMLResponse: { type: 'string' }, RelayState: state },
    };
    scope.post<OfProvider & { Body: { SAMLResponse: string; RelayState: string } }>(
      '/auth/saml/:publisher/:name/:provider/acs',
      {
        schema: {
          ...open,
          summary: 'Where SAML providers post their answers',
          params,
          consumes: ['application/x-www-form-urlencoded'],
          body,
          response: bareAnswers(303, 'To /auth/finish.'),
        },
      },
      (request, reply) =>
        recorded(services, request, async () => {
          const { SAMLResponse: response, RelayState: relayState } = request.body;
          const visitor = visitorOf(services, request);
          return leadTo(reply, await logins.answerSaml(keyOf(request), { response, relayState }, visitor));
        }),
    );
  });
  app.get<{ Querystring: { state: string } }>(
    '/auth/finish',
    {
      schema: {
        ...open,
        summary: 'Ends a login with SAML, in the browser that began it',
        querystring: object({ state }, ['state']),
        response: bareAnswers(303, 'Logged in: to where the login was begun for.'),
      },
    },
    (request, reply) =>
      recorded(services, request, async () =>
        welcome(services, reply, await logins.finishSaml(request.query.state, visitorOf(services, request))),
      ),
  );
}

function addSession(app: FastifyInstance, { auth, audit }: ControlServices): void {
  app.get(
    '/auth/session',
    {
      schema: {
        tags,
        summary: 'Who asks, and what they are in the tenant they ask in',
        response: answers(200, 'You.'),
      },
    },
    async ({ caller, callContext }, reply) => {
      reply.header('cache-control', 'no-store');
      const { principal, membership } = callContext ?? {};
      return { principal, membership, kind: caller?.kind, expiresAt: caller?.expiresAt ?? null };
    },
  );
  app.post(
    '/auth/logout',
    { schema: { tags, summary: 'End the session that asks', response: answers(200, 'Logged out.') } },
    async ({ caller }, reply) => {
      if (caller?.kind !== 'session' || caller.principal === null)
        throw new MagError('E_BAD_REQUEST', 'Only a session can log out; a token is revoked.');
      const [ended] = await auth.stores.sessions.revoke({ id: caller.id });
      auth.authenticator.forget();
      auth.cookies.clearSession(reply);
      if (ended === undefined) return { loggedOut: true }; // another request was first
      const [principal, target] = [principalIdOf(ended), `session:${ended.id}`];
      const entry = { principal, tenant: ended.tenantId, action: 'auth.logout', target, detail: {} };
      await audit.record({ ...entry, outcome: 'ok' });
      await auth.emit(logoutOf(ended));
      return { loggedOut: true };
    },
  );
}

function keyOf({ params: { publisher, name, provider } }: { params: OfProvider['Params'] }): string {
  return `${publisher}/${name}#${provider}`;
}

function visitorOf({ auth }: ControlServices, request: FastifyRequest): Visitor {
  return { address: addressOf(request), browser: auth.cookies.browser(request), traceId: request.id };
}

function setSession({ auth }: ControlServices, reply: FastifyReply, { token, expiresAt }: LoggedIn): void {
  auth.cookies.setSession(reply, token, expiresAt);
  reply.header('cache-control', 'no-store');
}

function welcome(services: ControlServices, reply: FastifyReply, session: LoggedIn): FastifyReply {
  setSession(services, reply, session);
  return leadTo(reply, session.returnTo);
}

/** What is in the address is for nobody else: not for a cache, and not for where the browser goes on to. */
function leadTo(reply: FastifyReply, address: string): FastifyReply {
  return reply
    .header('cache-control', 'no-store')
    .header('referrer-policy', 'no-referrer')
    .redirect(address, 303);
}

/** A login that is refused is on record like any refusal. */
async function recorded<Result>(
  { denials }: ControlServices,
  request: FastifyRequest,
  login: () => Promise<Result>,
): Promise<Result> {
  try {
    return await login();
  } catch (failure) {
    const { code, status } = toMagError(failure);
    const target = `${request.method} ${request.routeOptions.url}`;
    if (status < 500) await denials.record({ principal: 'anonymous', tenant: 't_system', target, code });
    throw failure;
  }
}
