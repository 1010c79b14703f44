import type { FastifyInstance } from 'fastify';
import type { VaultConnection } from '../../adapters/secrets/index.ts';
import { MagError } from '../../kernel/errors.ts';
import { audited } from './audited.ts';
import { answers, listOf, object } from './schemas.ts';
import type { ControlServices } from './services.ts';

const vaultName = { type: 'string', pattern: '^[a-z][a-z0-9-]{0,39}$' } as const;
const LOOPBACK = /^(localhost|127\.0\.0\.1|\[::1\])$/;

/** Which secrets there are, who wants them, and where they may be kept. No route has a value, in either direction. */
export function registerSecretRoutes(app: FastifyInstance, services: ControlServices): void {
  const { secrets } = services;
  const schema = {
    tags: ['access'],
    summary: 'Secrets of this host and of its extensions: names, never values',
    response: answers(200, 'All of them.', listOf('secrets')),
  };
  app.get('/v1/secrets', { schema }, async () => ({ secrets: await secrets.list(), next: null }));
  addBackendRoutes(app, services);
}

function addBackendRoutes(app: FastifyInstance, { secrets, audit }: ControlServices): void {
  const list = schemaOf(
    'Vaults that this host is connected with',
    answers(200, 'All of them.', listOf('backends')),
  );
  app.get('/v1/secret-backends', { schema: list }, async () => ({
    backends: await secrets.backends(),
    next: null,
  }));
  const add = {
    ...schemaOf(
      'Connect a Vault, or what speaks its protocol',
      answers(201, 'Connected; nothing was asked of it.'),
    ),
    body: object(
      {
        name: vaultName,
        url: { type: 'string', maxLength: 300, description: 'An origin: https, or http on this machine.' },
        mount: {
          type: 'string',
          pattern: '^[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*$',
          maxLength: 120,
          default: 'secret',
        },
        kvVersion: { enum: [1, 2], default: 2 },
        secret: {
          type: 'string',
          pattern: '^[A-Z][A-Z0-9_]{0,79}$',
          description:
            'The name of a secret of the folder or the environment: its token, or the secret id of the role.',
        },
        roleId: { type: 'string', minLength: 1, maxLength: 200, description: 'Of an AppRole.' },
      },
      ['name', 'url', 'secret'],
    ),
  };
  type Body = Omit<VaultConnection, 'roleId'> & { readonly roleId?: string };
  app.post<{ Body: Body }>('/v1/secret-backends', { schema: add }, async (request, reply) => {
    const { roleId = null, ...rest } = request.body;
    const connection = { ...rest, url: originOf(rest.url), roleId };
    const { name, url, mount, secret } = connection;
    const move = {
      action: 'secret_backend.add',
      target: `vault:${name}`,
      detail: { url, mount, enteredWith: secret },
    };
    await audited(audit, request, move, () => secrets.addBackend(connection));
    return reply.code(201).send(connection);
  });
  const remove = {
    ...schemaOf('Disconnect a Vault that no secret is mapped to', answers(200, 'Disconnected.')),
    params: object({ name: vaultName }, ['name']),
  };
  app.delete<{ Params: { name: string } }>(
    '/v1/secret-backends/:name',
    { schema: remove },
    async (request) => {
      const { name } = request.params;
      const move = { action: 'secret_backend.remove', target: `vault:${name}`, detail: {} };
      await audited(audit, request, move, () => secrets.removeBackend(name));
      return { name, removed: true };
    },
  );
}

/** A token is sent there: in the clear only where it stays on this machine. @throws `E_BAD_REQUEST` */
function originOf(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  const isBare = url !== null && url.username === '' && url.password === '' && `${url.origin}/` === url.href;
  if (isBare && (url.protocol === 'https:' || (url.protocol === 'http:' && LOOPBACK.test(url.hostname))))
    return url.origin;
  throw new MagError(
    'E_BAD_REQUEST',
    'A Vault has an address such as https://vault.example.com:8200, and no path.',
  );
}

function schemaOf(summary: string, response: object) {
  return { tags: ['access'], summary, response };
}
