import { createHash, type X509Certificate } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Server } from 'node:https';
import type { TLSSocket } from 'node:tls';
import type { JsonObject } from '../../../manifests/json.ts';

const MAX_CHARS = 1_000;
const MAX_NAME_CHARS = 200;
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]/gu;

/** A certificate as the guest gets it (`ClientCertificate` of the SDK). */
export interface ShownCertificate extends JsonObject {
  fingerprint: string;
  subject: string;
  issuer: string;
  serialNumber: string;
  validTo: string;
  altNames?: string;
}

/** Who is at the other end of a connection of the mutual-TLS listener. */
export interface Peer {
  /** For people: its common name. */
  readonly name: string;
  readonly certificate: ShownCertificate;
  readonly expiresAt: Date;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Whom the certificate of its connection names; `null`: it came over the plain listener. */
    peer: Peer | null;
  }
}

/** Identity comes from the channel (spec 03): what a request says of a certificate in its headers is not looked at. */
export interface Peers {
  of(request: Pick<IncomingMessage, 'socket'>): Peer | null;
}

/** @param server hands over connections whose certificates it has verified; absent: there are none */
export function createPeers(server: Server | undefined): Peers {
  if (server === undefined) return { of: () => null };
  const peers = new WeakMap<object, Peer>();
  server.on('secureConnection', (socket: TLSSocket) => {
    const peer = peerOf(socket);
    if (peer === null) socket.destroy();
    else peers.set(socket, peer);
  });
  return { of: ({ socket }) => peers.get(socket) ?? null };
}

/** `null`: nobody who may stay. Node verified the certificate or hung up; what is odd in it must not end the host. */
function peerOf(socket: TLSSocket): Peer | null {
  const certificate = socket.authorized ? socket.getPeerX509Certificate() : undefined;
  if (certificate === undefined) return null;
  try {
    return describePeer(certificate);
  } catch {
    return null;
  }
}

/** Its time may be over long after its connection was made. */
export function isExpired({ expiresAt }: Pick<Peer, 'expiresAt'>, now = Date.now()): boolean {
  return !(expiresAt.getTime() > now);
}

export function describePeer(certificate: X509Certificate): Peer {
  const { raw, subject, issuer, serialNumber, subjectAltName } = certificate;
  const expiresAt = new Date(certificate.validTo);
  return {
    name: commonNameOf(certificate),
    expiresAt,
    certificate: {
      fingerprint: createHash('sha256').update(raw).digest('hex'),
      subject: oneLine(subject),
      issuer: oneLine(issuer),
      serialNumber: bounded(serialNumber, MAX_CHARS).toLowerCase(),
      validTo: expiresAt.toISOString(),
      ...(subjectAltName === undefined ? {} : { altNames: bounded(subjectAltName, MAX_CHARS) }),
    },
  };
}

/** OpenSSL writes each attribute on a line of its own, and escapes what a comma or a line end in one would be. */
function oneLine(name: string | undefined): string {
  return bounded((name ?? '').split('\n').join(', '), MAX_CHARS);
}

function commonNameOf(certificate: X509Certificate): string {
  const names: string | readonly string[] | undefined = certificate.toLegacyObject().subject?.CN;
  return bounded([names ?? ''].flat()[0] ?? '', MAX_NAME_CHARS) || 'certificate';
}

function bounded(text: string, maxChars: number): string {
  return text.replace(UNPRINTABLE, '\uFFFD').slice(0, maxChars).toWellFormed();
}
