import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';

/** Below those that a system gives to whoever names none: nobody gets one of these by chance. */
const FIRST = 20_000;
const LAST = 29_999;

/** A port of this machine that nobody listens on. Another program may take it before whom it is for does. */
export async function freePort(): Promise<number> {
  const [port = 0] = await freePorts(1);
  return port;
}

/** Different ones: all are held until the last is found. */
export async function freePorts(count: number): Promise<number[]> {
  const probes = await Promise.all(Array.from({ length: count }, listenSomewhere));
  const ports = probes.map((probe) => (probe.address() as AddressInfo).port);
  await Promise.all(probes.map((probe) => new Promise((resolve) => probe.close(resolve))));
  return ports;
}

async function listenSomewhere(): Promise<Server> {
  for (;;) {
    const probe = createServer().listen(randomInt(FIRST, LAST + 1), '127.0.0.1');
    try {
      await once(probe, 'listening');
      return probe;
    } catch (failure) {
      if (!isTaken(failure)) throw failure;
    }
  }
}

function isTaken(failure: unknown): boolean {
  return failure instanceof Error && 'code' in failure && failure.code === 'EADDRINUSE';
}
