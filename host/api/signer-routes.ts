import type { FastifyInstance } from 'fastify';
import { audited } from './audited.ts';
import { answers, object } from './schemas.ts';
import type { ControlServices } from './services.ts';

export const publisherName = { type: 'string', pattern: '^[a-z0-9][a-z0-9-]{1,38}$' };
export const identityText = { type: 'string', minLength: 1, maxLength: 1_000 };
const keyId = { type: 'string', pattern: '^[A-Za-z0-9][A-Za-z0-9_.-]*$', maxLength: 100 };
const dateTime = { type: 'string', format: 'date-time' };

/** The schema of a body that names a key or an identity (`SignerBody`), beside what it says of whom: `party`, and more. */
export function signerBody(party: string, more: Readonly<Record<string, object>> = {}) {
  const any = { [party]: publisherName, ...more, notBefore: dateTime, notAfter: dateTime };
  const key = { publicKey: { type: 'string', minLength: 1, maxLength: 4_096 }, id: keyId };
  const identity = {
    identity: object({ issuer: identityText, san: identityText }, ['issuer', 'san']),
    trustedRoot: { type: 'object', description: `A Sigstore trusted_root.json; once for each ${party}.` },
  };
  return {
    oneOf: [
      object({ ...any, ...key }, [party, 'publicKey']),
      object({ ...any, ...identity }, [party, 'identity']),
    ],
  };
}

export interface SignerRemoval {
  /** Of all who are like it: `/v1/reviewers`. */
  readonly url: string;
  readonly party: 'publisher' | 'reviewer';
  /** On record. */
  readonly action: string;
  /** What the API says it does: with all, one of the keys, one of the identities. */
  readonly summaries: { readonly all: string; readonly keys: string; readonly identities: string };
  readonly remove: (name: string, signer?: string) => Promise<void>;
}

/** `DELETE <url>/<name>`, `…/keys/<id>` and `…/identities/<san>`. */
export function addSignerRemoval(
  app: FastifyInstance,
  { audit }: Pick<ControlServices, 'audit'>,
  { url, party, action, summaries, remove }: SignerRemoval,
): void {
  const add = (path: string, summary: string, member: Record<string, object>) => {
    const [signer] = Object.keys(member);
    const schema = {
      tags: ['access'],
      summary,
      params: object({ [party]: publisherName, ...member }, [party, ...Object.keys(member)]),
      response: answers(200, 'Removed.'),
    };
    app.delete<{ Params: Record<string, string> }>(`${url}/:${party}${path}`, { schema }, async (request) => {
      const { [party]: name = '', ...detail } = request.params;
      await audited(audit, request, { action, target: name, detail }, () =>
        remove(name, signer === undefined ? undefined : detail[signer]),
      );
      return { [party]: name, ...detail, removed: true };
    });
  };
  add('', summaries.all, {});
  add('/keys/:key', summaries.keys, { key: keyId });
  add('/identities/:san', summaries.identities, { san: identityText });
}
