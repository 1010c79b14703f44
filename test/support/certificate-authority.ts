import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';

const DAY = 86_400_000;

/** Who somebody is by certificate: both as PEM. */
export interface Identity {
  readonly cert: string;
  readonly key: string;
  /** Hex, as a revocation list names it. */
  readonly serial: string;
}

export interface CertificateOptions {
  /** Default: a day before now, and a day after. */
  readonly from?: Date;
  readonly to?: Date;
  /** The alternative name; default: `localhost` and 127.0.0.1. */
  readonly uri?: string;
}

/** A certificate authority of the tests: ECDSA P-256, in as much DER (X.690) as it needs. */
export class CertificateAuthority {
  readonly cert: string;
  readonly #name: string;
  readonly #key: KeyObject;
  #issued = 0;

  constructor(name: string) {
    this.#name = name;
    const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    this.#key = pair.privateKey;
    this.cert = this.#certificate('01', name, pair.publicKey, [basicConstraints(true)], {});
  }

  issue(name: string, options: CertificateOptions = {}): Identity {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    this.#issued += 1;
    const serial = `4d${this.#issued.toString(16).padStart(4, '0')}`;
    const extensions = [basicConstraints(false), alternativeNames(options.uri)];
    const cert = this.#certificate(serial, name, publicKey, extensions, options);
    return { cert, key: String(privateKey.export({ type: 'pkcs8', format: 'pem' })), serial };
  }

  /** A revocation list of this authority. */
  revoke(...revoked: readonly Identity[]): string {
    const at = time(new Date(Date.now() - DAY));
    const entries = revoked.map(({ serial }) => sequence(integer(serial), at));
    const next = time(new Date(Date.now() + DAY));
    const list = [integer('01'), ALGORITHM, nameOf(this.#name), at, next];
    return this.#signed('X509 CRL', sequence(...list, ...(entries.length > 0 ? [sequence(...entries)] : [])));
  }

  #certificate(
    serial: string,
    name: string,
    publicKey: KeyObject,
    extensions: readonly Buffer[],
    { from = new Date(Date.now() - DAY), to = new Date(Date.now() + DAY) }: CertificateOptions,
  ): string {
    return this.#signed(
      'CERTIFICATE',
      sequence(
        tagged(0xa0, integer('02')), // version 3
        integer(serial),
        ALGORITHM,
        nameOf(this.#name),
        sequence(time(from), time(to)),
        nameOf(name),
        publicKey.export({ type: 'spki', format: 'der' }),
        tagged(0xa3, sequence(...extensions)),
      ),
    );
  }

  #signed(label: string, content: Buffer): string {
    const signature = tagged(0x03, Buffer.from([0]), sign('sha256', content, this.#key));
    const lines =
      sequence(content, ALGORITHM, signature)
        .toString('base64')
        .match(/.{1,64}/g) ?? [];
    return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
  }
}

function tagged(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return tagged(0x30, ...parts);
}

/** `hex` begins below 80, so that the number is positive. */
function integer(hex: string): Buffer {
  return tagged(0x02, Buffer.from(hex, 'hex'));
}

/** Of its encoded form. */
function oid(hex: string): Buffer {
  return tagged(0x06, Buffer.from(hex, 'hex'));
}

const ALGORITHM = sequence(oid('2a8648ce3d040302')); // ecdsa-with-SHA256

function time(date: Date): Buffer {
  const digits = date.toISOString().replace(/\.\d+|[-:T]/g, '');
  return date.getUTCFullYear() < 2050
    ? tagged(0x17, Buffer.from(digits.slice(2))) // RFC 5280 §4.1.2.5
    : tagged(0x18, Buffer.from(digits));
}

/** An organization and a common name. */
function nameOf(commonName: string): Buffer {
  const attribute = (type: string, text: string) =>
    tagged(0x31, sequence(oid(type), tagged(0x0c, Buffer.from(text))));
  return sequence(attribute('55040a', 'Tests'), attribute('550403', commonName));
}

function extension(type: string, value: Buffer): Buffer {
  return sequence(oid(type), tagged(0x01, Buffer.from([0xff])), tagged(0x04, value));
}

function basicConstraints(isAuthority: boolean): Buffer {
  return extension('551d13', sequence(...(isAuthority ? [tagged(0x01, Buffer.from([0xff]))] : [])));
}

function alternativeNames(uri: string | undefined): Buffer {
  const names =
    uri === undefined
      ? [tagged(0x82, Buffer.from('localhost')), tagged(0x87, Buffer.from([127, 0, 0, 1]))]
      : [tagged(0x86, Buffer.from(uri))];
  return extension('551d11', sequence(...names));
}
