import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { inflateRawSync } from 'node:zlib';
import { SignedXml } from 'xml-crypto';

const BEARER = 'urn:oasis:names:tc:SAML:2.0:cm:bearer';
const minute = 60_000;

export interface Assertion {
  readonly acs: string;
  readonly audience: string;
  readonly requestId: string;
  readonly nameId: string;
  readonly attributes?: Readonly<Record<string, string>>;
  readonly id?: string;
  /** Milliseconds from now until it is over. */
  readonly lasts?: number;
}

/** A SAML identity provider: it reads requests of the HTTP-Redirect binding and signs assertions. */
export class SamlIdp {
  readonly entityId = 'https://idp.example.com/saml';
  readonly entryPoint = 'https://idp.example.com/sso';
  readonly certificate: string;
  readonly #key: string;

  private constructor(key: string, certificate: string) {
    this.#key = key;
    this.certificate = certificate;
  }

  static async create(): Promise<SamlIdp> {
    const folder = await mkdtemp(join(tmpdir(), 'magflock-idp-'));
    const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    const args = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=idp'];
    await promisify(execFile)('openssl', [...args, '-keyout', key, '-out', certificate]);
    const idp = new SamlIdp(await readFile(key, 'utf8'), await readFile(certificate, 'utf8'));
    await rm(folder, { recursive: true });
    return idp;
  }

  /** What a browser was sent here with. */
  read(location: string): { requestId: string; acs: string; audience: string; relayState: string } {
    const url = new URL(location);
    const xml = inflateRawSync(Buffer.from(url.searchParams.get('SAMLRequest') ?? '', 'base64')).toString();
    const attribute = (name: string) => new RegExp(` ${name}="([^"]+)"`).exec(xml)?.[1] ?? '';
    return {
      requestId: attribute('ID'),
      acs: attribute('AssertionConsumerServiceURL'),
      audience: /<saml:Issuer[^>]*>([^<]+)</.exec(xml)?.[1] ?? '',
      relayState: url.searchParams.get('RelayState') ?? '',
    };
  }

  assertion({
    acs,
    audience,
    requestId,
    nameId,
    attributes = {},
    lasts = 5 * minute,
    id,
  }: Assertion): string {
    const at = (ms: number) => new Date(Date.now() + ms).toISOString();
    const values = Object.entries(attributes).map(
      ([name, value]) =>
        `<saml:Attribute Name="${name}"><saml:AttributeValue>${value}</saml:AttributeValue></saml:Attribute>`,
    );
    return [
      `<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="${id ?? newId()}" Version="2.0" IssueInstant="${at(Math.min(0, lasts - minute))}">`,
      `<saml:Issuer>${this.entityId}</saml:Issuer>`,
      `<saml:Subject><saml:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent">${nameId}</saml:NameID>`,
      `<saml:SubjectConfirmation Method="${BEARER}"><saml:SubjectConfirmationData InResponseTo="${requestId}" NotOnOrAfter="${at(lasts)}" Recipient="${acs}"/></saml:SubjectConfirmation></saml:Subject>`,
      `<saml:Conditions NotBefore="${at(lasts - 10 * minute)}" NotOnOrAfter="${at(lasts)}"><saml:AudienceRestriction><saml:Audience>${audience}</saml:Audience></saml:AudienceRestriction></saml:Conditions>`,
      `<saml:AuthnStatement AuthnInstant="${at(0)}"><saml:AuthnContext><saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:Password</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>`,
      `<saml:AttributeStatement>${values.join('')}</saml:AttributeStatement></saml:Assertion>`,
    ].join('');
  }

  sign(assertion: string, algorithm: 'sha256' | 'sha1' = 'sha256'): string {
    const signer = new SignedXml({
      privateKey: this.#key,
      signatureAlgorithm:
        algorithm === 'sha1'
          ? 'http://www.w3.org/2000/09/xmldsig#rsa-sha1'
          : 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
      canonicalizationAlgorithm: 'http://www.w3.org/2001/10/xml-exc-c14n#',
    });
    signer.addReference({
      xpath: "/*[local-name(.)='Assertion']",
      digestAlgorithm:
        algorithm === 'sha1'
          ? 'http://www.w3.org/2000/09/xmldsig#sha1'
          : 'http://www.w3.org/2001/04/xmlenc#sha256',
      transforms: [
        'http://www.w3.org/2000/09/xmldsig#enveloped-signature',
        'http://www.w3.org/2001/10/xml-exc-c14n#',
      ],
    });
    signer.computeSignature(assertion, {
      location: { reference: "//*[local-name(.)='Issuer']", action: 'after' },
    });
    return signer.getSignedXml();
  }

  /** The value of `SAMLResponse`. `content` is one assertion or what else is to be in it. */
  response(content: string, { acs, requestId }: Pick<Assertion, 'acs' | 'requestId'>, before = ''): string {
    const xml = [
      `${before}<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" ID="${newId()}" Version="2.0" IssueInstant="${new Date().toISOString()}" Destination="${acs}" InResponseTo="${requestId}">`,
      `<saml:Issuer xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion">${this.entityId}</saml:Issuer>`,
      '<samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status>',
      `${content}</samlp:Response>`,
    ].join('');
    return Buffer.from(xml).toString('base64');
  }
}

function newId(): string {
  return `_${randomBytes(16).toString('hex')}`;
}
