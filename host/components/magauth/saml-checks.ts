import type { Profile } from '@node-saml/node-saml';
import { MagError } from '../../../kernel/errors.ts';

const MAX_RESPONSE_CHARS = 350_000;
const BASE64 = /^[A-Za-z0-9+/=\s]+$/;
/** Entities have no place in an answer, and weak digests none in a signature. */
const DOCTYPE = /<!(?:DOCTYPE|ENTITY)/i;
const WEAK = /Algorithm\s*=\s*["'][^"']*(?:#|-)(?:rsa-|dsa-|hmac-)?(?:sha1|md5)["']/i;

/** Looks at a response before any XML parser does. @throws `E_LOGIN_REFUSED`, `E_LOGIN_SIGNATURE` */
export function checkDocument(response: string): void {
  if (response.length > MAX_RESPONSE_CHARS || !BASE64.test(response)) throw refused('is no SAML response');
  const xml = Buffer.from(response, 'base64').toString('utf8');
  if (DOCTYPE.test(xml)) throw refused('has a document type');
  if (WEAK.test(xml))
    throw new MagError(
      'E_LOGIN_SIGNATURE',
      'The answer of the login provider is signed with SHA-1 or weaker.',
    );
}

/**
 * What the library leaves open, asked of the signed assertion alone: for us, for this request, and for a time.
 * @throws `E_LOGIN_REFUSED`, `E_LOGIN_REPLAYED`
 */
export function checkAssertion(
  profile: Profile,
  { acs, requestId }: { readonly acs: string; readonly requestId: string },
): { id: string; notOnOrAfter: Date } {
  const assertion = child(profile.getAssertion?.(), 'Assertion');
  const id = attribute(assertion, 'ID');
  const notOnOrAfter = new Date(attribute(child(assertion, 'Conditions'), 'NotOnOrAfter') ?? '');
  if (id === undefined || Number.isNaN(notOnOrAfter.getTime()))
    throw refused('does not say until when it is good');
  const confirmations = list(child(assertion, 'Subject'), 'SubjectConfirmation').filter(
    (confirmation) => attribute(confirmation, 'Method') === 'urn:oasis:names:tc:SAML:2.0:cm:bearer',
  );
  const data = confirmations.map((confirmation) => child(confirmation, 'SubjectConfirmationData'));
  const isForUs = data.filter(
    (confirmation) =>
      attribute(confirmation, 'Recipient') === acs && attribute(confirmation, 'NotOnOrAfter') !== undefined,
  );
  if (isForUs.length === 0) throw refused('was made for another address');
  if (!isForUs.some((confirmation) => attribute(confirmation, 'InResponseTo') === requestId))
    throw new MagError('E_LOGIN_REPLAYED', 'The answer of the login provider is for another login.');
  return { id, notOnOrAfter };
}

function refused(why: string): MagError {
  return new MagError('E_LOGIN_REFUSED', `The answer of the login provider ${why}.`);
}

/** The library reads XML as lists of elements with their attributes below `$`. */
function list(element: unknown, name: string): unknown[] {
  if (typeof element !== 'object' || element === null || !Object.hasOwn(element, name)) return [];
  const found: unknown = Reflect.get(element, name);
  return Array.isArray(found) ? found : [found];
}

function child(element: unknown, name: string): unknown {
  const found = list(element, name);
  return found.length === 1 ? found[0] : undefined;
}

function attribute(element: unknown, name: string): string | undefined {
  const [attributes] = list(element, '$');
  const [value] = list(attributes, name);
  return typeof value === 'string' ? value : undefined;
}
