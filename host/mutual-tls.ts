import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import { createSecureContext } from 'node:tls';
import { MagError } from '../kernel/errors.ts';
import { PATIENCE } from './components/maggate/server.ts';
import { type Config, entryText } from './config.ts';

type FileEntry = 'mtlsCertFile' | 'mtlsKeyFile' | 'mtlsClientCaFile' | 'mtlsCrlFile';

/**
 * The listener that asks who is calling before it says a word: who shows no certificate of `mtlsClientCaFile` that is
 * good today gets no connection. It serves nothing yet. The files are read now and not again.
 * @returns `null`: none is configured. @throws `E_CONFIG` naming the entry that is wrong, never what is in its file
 */
export function createMutualTls(config: Config): Server | null {
  if (config.mtlsPort === null) return null;
  const certificates = blocksOf(config, 'mtlsCertFile', 'CERTIFICATE', (pem) => new X509Certificate(pem));
  const [own] = certificates;
  const key = privateKeyOf(config);
  if (own?.parsed.checkPrivateKey(key) !== true)
    throw wrong('mtlsKeyFile', 'is not the key of the certificate in MAG_MTLS_CERT_FILE');
  const ca = blocksOf(config, 'mtlsClientCaFile', 'CERTIFICATE', (pem) => new X509Certificate(pem));
  const crl =
    config.mtlsCrlFile === null
      ? []
      : blocksOf(config, 'mtlsCrlFile', 'X509 CRL', (pem) => createSecureContext({ crl: pem }));
  try {
    return createServer({
      cert: certificates.map(({ pem }) => pem).join('\n'),
      key: key.export({ type: 'pkcs8', format: 'pem' }),
      ca: ca.map(({ pem }) => pem),
      ...(crl.length === 0 ? {} : { crl: crl.map(({ pem }) => pem) }),
      requestCert: true,
      rejectUnauthorized: true,
      minVersion: 'TLSv1.3',
      handshakeTimeout: PATIENCE.headersMs,
      headersTimeout: PATIENCE.headersMs,
      requestTimeout: PATIENCE.requestMs,
      connectionsCheckingInterval: PATIENCE.checkMs,
    });
  } catch (cause) {
    throw wrong('mtlsCertFile', 'cannot be served with', cause); // a key too short, say
  }
}

interface Block<Parsed> {
  readonly pem: string;
  readonly parsed: Parsed;
}

/** The PEM blocks of one kind in a file, each looked at: OpenSSL passes over what it cannot read. */
function blocksOf<Parsed>(
  config: Config,
  entry: FileEntry,
  label: string,
  parse: (pem: string) => Parsed,
): Block<Parsed>[] {
  const text = read(config, entry);
  const found = text.match(new RegExp(`-----BEGIN ${label}-----[^-]+-----END ${label}-----`, 'g')) ?? [];
  if (found.length === 0) throw wrong(entry, `holds no PEM block "${label}"`);
  return found.map((pem) => {
    try {
      return { pem, parsed: parse(pem) };
    } catch (cause) {
      throw wrong(entry, `holds a PEM block "${label}" that cannot be read`, cause);
    }
  });
}

function privateKeyOf(config: Config): KeyObject {
  const pem = read(config, 'mtlsKeyFile');
  try {
    return createPrivateKey(pem);
  } catch (cause) {
    throw wrong('mtlsKeyFile', 'holds no private key in PEM without a passphrase', cause);
  }
}

function read(config: Config, entry: FileEntry): string {
  try {
    return readFileSync(config[entry] ?? '', 'utf8');
  } catch (cause) {
    throw wrong(entry, 'names a file that cannot be read', cause);
  }
}

function wrong(entry: FileEntry, how: string, cause?: unknown): MagError {
  return new MagError('E_CONFIG', `${entryText(entry)} ${how}`, { cause });
}
