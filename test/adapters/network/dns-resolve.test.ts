import { createSocket, type RemoteInfo } from 'node:dgram';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { createDnsResolve } from '../../../adapters/network/vetted-lookup.ts';

const A = 1;
const AAAA = 28;

/** A name server on this machine: knows `both.test`, `four.test` and no other name. */
async function startNameServer() {
  const socket = createSocket('udp4');
  socket.on('message', (query: Buffer, { port, address }: RemoteInfo) =>
    socket.send(answerTo(query), port, address),
  );
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  const { port } = socket.address() as AddressInfo;
  return {
    address: `127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => new Promise<void>((resolve) => socket.close(() => resolve())),
  };
}

/** RFC 1035: the question again, and an address if there is one. */
function answerTo(query: Buffer): Buffer {
  const end = query.indexOf(0, 12) + 5;
  const question = query.subarray(12, end);
  const first = question.subarray(1, 1 + (question[0] ?? 0)).toString();
  const type = question.readUInt16BE(question.length - 4);
  const record = recordOf(first, type);
  const known = first === 'both' || first === 'four';
  const header = Buffer.from([0, 0, 0x81, known ? 0x80 : 0x83, 0, 1, 0, record === null ? 0 : 1, 0, 0, 0, 0]);
  query.copy(header, 0, 0, 2);
  return Buffer.concat([header, question, record ?? Buffer.alloc(0)]);
}

function recordOf(name: string, type: number): Buffer | null {
  if (type === A && (name === 'both' || name === 'four')) return resource(A, [198, 51, 100, 7]);
  if (type === AAAA && name === 'both') return resource(AAAA, [0x20, 1, 0xd, 0xb8, ...Array(11).fill(0), 7]);
  return null;
}

function resource(type: number, address: number[]): Buffer {
  return Buffer.from([0xc0, 12, 0, type, 0, 1, 0, 0, 0, 1, 0, address.length, ...address]);
}

describe('looking up a name', () => {
  it('finds its addresses of both families', async () => {
    await using server = await startNameServer();
    const resolve = createDnsResolve([server.address]);
    expect(await resolve('both.test')).toEqual(['198.51.100.7', '2001:db8::7']);
    expect(await resolve('four.test')).toEqual(['198.51.100.7']);
  });

  it('fails for a name that has none', async () => {
    await using server = await startNameServer();
    await expect(createDnsResolve([server.address])('none.test')).rejects.toThrow();
  });

  it('asks nobody for localhost', async () => {
    expect(await createDnsResolve(['127.0.0.1:1'])('localhost')).toEqual(['127.0.0.1', '::1']);
  });
});
