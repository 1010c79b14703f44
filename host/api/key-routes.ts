import type { FastifyInstance } from 'fastify';
import type { KeySummary, KeyType } from '../../adapters/keys/index.ts';
import { MagError } from '../../kernel/errors.ts';
import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import { audited } from './audited.ts';
import { EXTENSION, type ExtensionParams, idOf } from './extension-routes.ts';
import { answers, extensionParams, keyName, keyParams, listOf, object } from './schemas.ts';
import type { ControlServices } from './services.ts';

type KeyParams = ExtensionParams & { key: string };
interface KeyBody {
  name: string;
  type: KeyType;
}

/** Keys that extensions sign with, on this host. Private halves are in no answer. */
export function registerKeyRoutes(app: FastifyInstance, services: ControlServices): void {
  addList(app, services);
  addCreate(app, services);
  addRotate(app, services);
}

function addList(app: FastifyInstance, { keys, operator }: ControlServices): void {
  const schema = {
    tags: ['access'],
    summary: 'Keys of an extension, without their private halves',
    params: extensionParams,
    response: answers(200, 'All of them.', listOf('keys')),
  };
  app.get<{ Params: ExtensionParams }>(`${EXTENSION}/keys`, { schema }, async ({ params }) => {
    const id = await extensionIn(params, operator);
    return { keys: (await keys.list(id)).map(keyView), next: null };
  });
}

function addCreate(app: FastifyInstance, { keys, operator, audit }: ControlServices): void {
  const schema = {
    tags: ['access'],
    summary: 'Make a key for an extension',
    params: extensionParams,
    body: object({ name: keyName, type: { enum: ['ed25519', 'p256', 'hmac'], default: 'ed25519' } }, [
      'name',
    ]),
    response: answers(201, 'The key.'),
  };
  type Route = { Params: ExtensionParams; Body: KeyBody };
  app.post<Route>(`${EXTENSION}/keys`, { schema }, async (request, reply) => {
    const { name, type } = request.body;
    const target = `${idOf(request.params)} ${name}`;
    const made = await audited(audit, request, { action: 'key.create', target, detail: { type } }, async () =>
      keys.create(await extensionIn(request.params, operator), name, type),
    );
    reply.code(201);
    return keyView(made);
  });
}

function addRotate(app: FastifyInstance, { keys, operator, audit }: ControlServices): void {
  const schema = {
    tags: ['access'],
    summary: 'Make a new version of a key; what the old ones signed still verifies',
    params: keyParams,
    response: answers(200, 'The key.'),
  };
  app.post<{ Params: KeyParams }>(`${EXTENSION}/keys/:key/rotate`, { schema }, async (request) => {
    const { key } = request.params;
    const target = `${idOf(request.params)} ${key}`;
    const made = await audited(audit, request, { action: 'key.rotate', target, detail: {} }, async () =>
      keys.rotate(await extensionIn(request.params, operator), key),
    );
    return keyView(made);
  });
}

/** A key for a misspelt extension would be found by nobody. @throws `E_NOT_FOUND`, `E_BAD_REQUEST` */
async function extensionIn(
  params: ExtensionParams,
  operator: ControlServices['operator'],
): Promise<ExtensionId> {
  const { manifest } = await operator.show(idOf(params));
  if (manifest.kind === 'bundle')
    throw new MagError('E_BAD_REQUEST', 'A bundle has no code that could sign.');
  return manifest.id;
}

function keyView({ name, type, keyId, createdAt, previous }: KeySummary) {
  return { name, type, keyId, createdAt, previous };
}
