import { createHash, generateKeyPairSync } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import {
  fulcioHandler,
  initializeCA,
  initializeCTLog,
  initializeTLog,
  initializeTSA,
  rekorHandler,
  tsaHandler,
} from '@sigstore/mock';

export const ISSUER = 'https://token.actions.githubusercontent.com';
export const WORKFLOW = 'https://github.com/globex/ext/.github/workflows/release.yml@refs/heads/main';

/** A certificate authority, a transparency log and a timestamp authority of the tests, spoken to over HTTP as Sigstore's own. */
export class TestSigstore implements AsyncDisposable {
  readonly url: string;
  /** As `trusted_root.json` says it. */
  readonly trustedRoot: Record<string, unknown>;
  readonly #server: Server;

  private constructor(server: Server, trustedRoot: Record<string, unknown>) {
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    this.trustedRoot = trustedRoot;
  }

  /**
   * @param clock what time it believes it is, for what it issues and logs; by default the time
   * @param isSilent it issues certificates that no log of certificates was told of
   */
  static async start(clock?: Date, isSilent = false): Promise<TestSigstore> {
    const ec = (namedCurve: string) => generateKeyPairSync('ec', { namedCurve });
    const ctLog = await initializeCTLog(ec('prime256v1'), clock);
    const [ca, tlog, tsa] = await Promise.all([
      initializeCA(ec('secp384r1'), isSilent ? undefined : ctLog, clock),
      initializeTLog('https://rekor.example', ec('prime256v1'), clock),
      initializeTSA(ec('prime256v1'), clock),
    ]);
    // Whole seconds: of a fraction it leaves out the last zeros, and what @sigstore/core reads has three digits.
    const inSeconds = () => new Date(Math.floor((clock?.getTime() ?? Date.now()) / 1_000) * 1_000);
    Object.assign(tsa, { getCurrentTime: inSeconds });
    const handlers = [fulcioHandler(ca), rekorHandler(tlog), tsaHandler(tsa)];
    const server = createServer(async (request, response) => {
      const handler = handlers.find(({ path }) => path === request.url);
      if (handler === undefined) return void response.writeHead(404).end();
      const { statusCode, response: body, contentType } = await handler.fn(asLogged(await text(request)));
      response.writeHead(statusCode, { 'content-type': contentType ?? 'text/plain' }).end(body);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const root = {
      mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
      certificateAuthorities: [
        {
          subject: { organization: 'sigstore.mock', commonName: 'sigstore' },
          uri: 'https://fulcio.example',
          certChain: { certificates: [{ rawBytes: base64(ca.rootCertificate) }] },
          validFor: { start: '2020-01-01T00:00:00Z' },
        },
      ],
      tlogs: [logOf('https://rekor.example', tlog.publicKey)],
      ctlogs: [logOf('https://ctfe.example', ctLog.publicKey)],
      timestampAuthorities: [
        {
          subject: { organization: 'sigstore.mock', commonName: 'tsa' },
          uri: 'https://timestamp.example',
          certChain: {
            certificates: [tsa.intCertificate, tsa.rootCertificate].map((der) => ({ rawBytes: base64(der) })),
          },
          validFor: { start: '2020-01-01T00:00:00Z' },
        },
      ],
    };
    return new TestSigstore(server, root);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** What a CI system would hand its job: only read, never verified, by the authority of the tests. */
export function identityToken(subject = WORKFLOW, issuer = ISSUER): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'RS256' })}.${part({ sub: subject, iss: issuer, aud: 'sigstore' })}.c2ln`;
}

/** Of an envelope a log keeps the hash and the signature, and not, as the mock does, what was proposed. */
function asLogged(body: string): string {
  const entry = JSON.parse(body);
  if (entry.kind !== 'dsse') return body;
  const { envelope, verifiers } = entry.spec.proposedContent;
  const { payload, signatures } = JSON.parse(envelope);
  const hashOf = (bytes: Buffer) => ({
    algorithm: 'sha256',
    value: createHash('sha256').update(bytes).digest('hex'),
  });
  const spec = {
    envelopeHash: hashOf(Buffer.from(envelope)),
    payloadHash: hashOf(Buffer.from(payload, 'base64')),
    signatures: [{ signature: signatures[0].sig, verifier: verifiers[0] }],
  };
  return JSON.stringify({ ...entry, spec });
}

function logOf(baseUrl: string, publicKey: Buffer) {
  return {
    baseUrl,
    hashAlgorithm: 'SHA2_256',
    publicKey: {
      rawBytes: base64(publicKey),
      keyDetails: 'PKIX_ECDSA_P256_SHA_256',
      validFor: { start: '2020-01-01T00:00:00Z' },
    },
    logId: { keyId: createHash('sha256').update(publicKey).digest('base64') },
  };
}

function base64(bytes: ArrayBufferView): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}
