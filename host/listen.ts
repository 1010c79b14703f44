import type { Server as HttpsServer } from 'node:https';
import { type AddressInfo, createServer, type Server } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { MagError } from '../kernel/errors.ts';
import type { Config } from './config.ts';

/** A place to listen, and the entries that say where it is. */
interface Place {
  readonly host: string;
  readonly port: number;
  readonly entries: readonly [host: string, port: string];
}

/** Asked before anything slow is started, so that a second host says at once what is wrong. @throws `E_CONFIG` */
export async function requireFreePorts(config: Config): Promise<void> {
  const mutualTls = mutualTlsPlace(config);
  for (const place of mutualTls === null ? [firstPlace(config)] : [firstPlace(config), mutualTls])
    await requireFree(place);
}

async function requireFree(place: Place): Promise<void> {
  const { host, port } = place;
  const probe = createServer();
  await new Promise<void>((resolve, reject) => {
    probe.once('error', (cause) => reject(cannotListen(place, cause)));
    probe.listen({ host, port, exclusive: true }, resolve);
  });
  await new Promise((resolve) => probe.close(resolve));
}

/** @returns where it is reached: `http://127.0.0.1:7070`. @throws `E_CONFIG` */
export async function listen(gateway: FastifyInstance, config: Config): Promise<string> {
  const place = firstPlace(config);
  try {
    await gateway.listen({ host: place.host, port: place.port });
  } catch (cause) {
    throw cannotListen(place, cause);
  }
  return `http://${addressOf(gateway.server)}`;
}

/** @returns where it is reached: `https://127.0.0.1:7443`; `null`: there is no such listener. @throws `E_CONFIG` */
export async function listenMutually(server: HttpsServer | null, config: Config): Promise<string | null> {
  const place = mutualTlsPlace(config);
  if (server === null || place === null) return null;
  await new Promise<void>((resolve, reject) => {
    const refused = (cause: Error) => reject(cannotListen(place, cause));
    server.once('error', refused);
    server.listen({ host: place.host, port: place.port }, () => {
      server.off('error', refused);
      resolve();
    });
  });
  return `https://${addressOf(server)}`;
}

function firstPlace({ host, port }: Config): Place {
  return { host, port, entries: ['MAG_HOST', 'MAG_PORT'] };
}

function mutualTlsPlace({ host, mtlsHost, mtlsPort: port }: Config): Place | null {
  return port === null ? null : { host: mtlsHost ?? host, port, entries: ['MAG_MTLS_HOST', 'MAG_MTLS_PORT'] };
}

function addressOf(server: Server): string {
  const { family, address, port } = server.address() as AddressInfo;
  return `${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}

function cannotListen({ host, port, entries }: Place, cause: unknown): MagError {
  const inUse = cause instanceof Error && 'code' in cause && cause.code === 'EADDRINUSE';
  const why = inUse
    ? `is in use; set ${entries[1]} to another one`
    : `cannot be listened on; check ${entries.join(' and ')}`;
  return new MagError('E_CONFIG', `${host} port ${port} ${why}`, { cause });
}
