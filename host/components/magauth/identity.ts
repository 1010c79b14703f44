import { MagError } from '../../../kernel/errors.ts';
import { reasonOf } from '../../../kernel/hooks/veto.ts';
import type { GuestHost } from '../../../kernel/operator.ts';
import type { Json, JsonObject } from '../../../manifests/json.ts';
import type { RequestContext } from '../../../manifests/protocol/frames.ts';
import type { SignIn } from './ports.ts';
import type { Provider } from './providers.ts';

const MAX_SUBJECT_CHARS = 512;
const MAX_NAME_CHARS = 200;
/** No text for a person or a database holds these. */
const UNPRINTABLE = /[\p{Cc}\p{Cs}]/u;

/** What is known before the extension is asked; `subject` is null where it is to say that itself. */
export interface Known {
  readonly subject: string | null;
  readonly claims: JsonObject;
  /** What its handler receives. */
  readonly asked: JsonObject;
}

/**
 * Who that is, and what they get: what the protocol says, and what the handler of the extension makes of it. Whom
 * OpenID Connect and SAML mean is never the extension's to say, and what roles it gives are those of its manifest.
 * @throws `E_LOGIN_REFUSED`, `E_CAP_*`, and what a call of an extension throws
 */
export async function identify(
  provider: Provider,
  { subject, claims, asked }: Known,
  guests: Pick<GuestHost, 'call' | 'require'>,
  request: RequestContext,
): Promise<SignIn> {
  const { declared, extension } = provider;
  const { name: handler, tenant, roles, defaultRoles } = declared;
  guests.require(extension, [{ capability: 'auth.register_provider', resource: { tenants: tenant } }]);
  const isMapped = declared.kind === 'sso' || declared.map;
  const said = isMapped ? membersOf(await mapped(provider, handler, asked, guests, request)) : {};
  const who = subject ?? textOf(said.subject);
  if (who === null || who.length > MAX_SUBJECT_CHARS || UNPRINTABLE.test(who))
    throw refused('It says of nobody who they are.');
  const given = said.roles === undefined || said.roles === null ? defaultRoles : said.roles;
  if (!Array.isArray(given) || !given.every((role) => typeof role === 'string' && roles.includes(role)))
    throw refused('Its extension gave a role that its manifest does not list.');
  const email = readable(said.email) ?? readable(claims.email) ?? readable(claims.mail);
  return {
    provider: provider.key,
    subject: who,
    name: readable(said.name) ?? readable(claims.name) ?? email ?? readable(who) ?? provider.key,
    email,
    tenantId: tenant,
    roles: [...new Set(given as string[])],
  };
}

async function mapped(
  { extension }: Provider,
  name: string,
  asked: JsonObject,
  guests: Pick<GuestHost, 'call'>,
  request: RequestContext,
): Promise<Json> {
  try {
    return await guests.call(extension, { kind: 'provider', name }, asked, { request });
  } catch (failure) {
    const reason = reasonOf(failure);
    if (reason === null) throw failure;
    throw new MagError('E_LOGIN_REFUSED', reason.message, { cause: failure, blame: { extension } });
  }
}

function refused(why: string): MagError {
  return new MagError('E_LOGIN_REFUSED', `The login is refused. ${why}`);
}

function membersOf(value: Json): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {};
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

function readable(value: unknown): string | null {
  const text = textOf(value)?.trim().slice(0, MAX_NAME_CHARS) ?? '';
  return text === '' || UNPRINTABLE.test(text) ? null : text;
}
