import type { FastifyInstance } from 'fastify';
import { MagError } from '../../kernel/errors.ts';
import type { Revoker } from '../../kernel/trust/policy.ts';
import { MAX_LIST_BYTES } from '../../kernel/trust/revocation-list.ts';
import type { Json } from '../../manifests/json.ts';
import type { KnownList } from '../trust/revocation-lists.ts';
import { type SignerBody, signerOf } from '../trust/signer-body.ts';
import { audited } from './audited.ts';
import { answers, object } from './schemas.ts';
import type { ControlServices } from './services.ts';
import { identityText, publisherName, signerBody } from './signer-routes.ts';

/** As JSON text in JSON a list is longer than it is. */
const MAX_BODY_BYTES = 4 * MAX_LIST_BYTES;
const MAX_BUNDLE_CHARS = 1_048_576;

/** What was taken back by whom, and whose word on that counts. */
export function registerRevocationRoutes(app: FastifyInstance, services: ControlServices): void {
  addReading(app, services);
  addImport(app, services);
  addTrustIssuer(app, services);
  addDistrustIssuer(app, services);
}

function addReading(app: FastifyInstance, { revocations, trust }: ControlServices): void {
  const all = schemaOf('Revocation lists, and the issuers whose lists count', answers(200, 'The lists.'));
  app.get('/v1/revocations', { schema: all }, async () => {
    const { revokers } = await trust.policy();
    const known = await revocations.known();
    return {
      issuers: Object.fromEntries([...revokers].map(([name, revoker]) => [name, issuerView(revoker)])),
      lists: known.map(listView),
    };
  });
  const one = {
    ...schemaOf('A revocation list as it was signed', answers(200, 'The list and its bundle.')),
    params: object({ issuer: publisherName }, ['issuer']),
  };
  const url = '/v1/revocations/:issuer';
  app.get<{ Params: { issuer: string } }>(url, { schema: one }, async ({ params }) => {
    const found = (await revocations.known()).find(({ stored }) => stored.issuer === params.issuer);
    if (found === undefined) throw new MagError('E_NOT_FOUND', `There is no list of ${params.issuer}.`);
    const { bytes, bundle } = found.stored;
    return { ...listView(found), list: Buffer.from(bytes).toString(), bundle };
  });
}

function addImport(app: FastifyInstance, { revocations, audit }: ControlServices): void {
  const schema = {
    ...schemaOf(
      'Take in a signed revocation list, and stop what it takes back on every host',
      answers(200, 'Taken in; the same once more changes nothing.'),
    ),
    body: object(
      {
        list: { type: 'string', description: 'The text of the file, as it was signed.' },
        bundle: { type: 'string', maxLength: MAX_BUNDLE_CHARS },
      },
      ['list', 'bundle'],
    ),
  };
  const options = { schema, bodyLimit: MAX_BODY_BYTES };
  app.post<{ Body: { list: string; bundle: string } }>('/v1/revocations', options, async (request) => {
    const { list: text, bundle } = request.body;
    const detail: Record<string, Json> = {};
    const move = { action: 'revocation.import', target: 'revocation list', detail };
    const { list, again, digest, stopped } = await audited(audit, request, move, async () => {
      const taken = await revocations.take({ bytes: Buffer.from(text), bundle });
      const { issuer, number, revoked } = taken.list;
      const what = { issuer, number, entries: revoked.length, digest: taken.digest };
      Object.assign(detail, what, { again: taken.again, stopped: [...taken.stopped] });
      return taken;
    });
    const { issuer, number, nextUpdate, revoked } = list;
    return { issuer, number, nextUpdate, entries: revoked.length, digest, again, stopped };
  });
}

type IssuerBody = SignerBody & { readonly issuer: string; readonly publishers?: readonly string[] };

function addTrustIssuer(app: FastifyInstance, { trust, audit }: ControlServices): void {
  const publishers = {
    type: 'array',
    maxItems: 1_000,
    items: publisherName,
    description: 'Whose packages it may take back; absent: as before, of a new issuer everybody’s.',
  };
  const schema = {
    ...schemaOf('Let the revocation lists of a key or identity count', answers(201, 'They count.')),
    body: signerBody('issuer', { publishers }),
  };
  app.post<{ Body: IssuerBody }>('/v1/revocation-issuers', { schema }, async (request, reply) => {
    const { issuer: revoker, publishers } = request.body;
    const detail = { publishers: publishers ? [...publishers] : null };
    await audited(audit, request, { action: 'revocation.trust', target: revoker, detail }, () =>
      trust.trustRevoker({ revoker, ...(publishers && { publishers }), ...signerOf(request.body) }),
    );
    const added = (await trust.policy()).revokers.get(revoker);
    reply.code(201);
    return { issuer: revoker, ...(added ? issuerView(added) : {}) };
  });
}

function addDistrustIssuer(app: FastifyInstance, { trust, audit }: ControlServices): void {
  const all = {
    ...schemaOf('Let the lists of an issuer count no longer', answers(200, 'They do not count.')),
    params: object({ issuer: publisherName }, ['issuer']),
  };
  const allUrl = '/v1/revocation-issuers/:issuer';
  app.delete<{ Params: { issuer: string } }>(allUrl, { schema: all }, async (request) => {
    const { issuer } = request.params;
    const move = { action: 'revocation.distrust', target: issuer, detail: {} };
    await audited(audit, request, move, () => trust.removeRevoker(issuer));
    return { issuer, removed: true };
  });
  const one = {
    ...schemaOf(
      'Take no new lists of one key or identity; what it took back stays',
      answers(200, 'Removed.'),
    ),
    params: object({ issuer: publisherName, signer: identityText }, ['issuer', 'signer']),
  };
  const oneUrl = '/v1/revocation-issuers/:issuer/signers/:signer';
  app.delete<{ Params: { issuer: string; signer: string } }>(oneUrl, { schema: one }, async (request) => {
    const { issuer, signer } = request.params;
    const move = { action: 'revocation.distrust', target: issuer, detail: { signer } };
    await audited(audit, request, move, () => trust.removeRevoker(issuer, signer));
    return { issuer, signer, removed: true };
  });
}

function issuerView({ keys, identities, publishers }: Revoker) {
  return { keys, identities, publishers };
}

function listView({ stored, list, active }: KnownList) {
  const { issuer, number, issuedAt, nextUpdate, revoked } = list;
  const { importedAt } = stored;
  const counts = { counts: active !== null, trouble: active?.trouble ?? null };
  return { issuer, number, issuedAt, nextUpdate, importedAt, entries: revoked.length, ...counts };
}

function schemaOf(summary: string, response: object) {
  return { tags: ['access'], summary, response };
}
