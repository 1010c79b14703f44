import { Agent, type Dispatcher } from 'undici';
import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import { createVettedLookup, type Resolve } from './vetted-lookup.ts';

/** Response headers above this end the exchange. */
const MAX_HEADER_BYTES = 16_384;
const CONNECT_TIMEOUT_MS = 10_000;
/** Between the request and the last of the headers, and between two pieces of the body. */
const SILENCE_TIMEOUT_MS = 30_000;
const KEEP_ALIVE_MS = 4_000;
/** Connections of one extension to one origin. */
const MAX_CONNECTIONS = 8;

/** One pool of connections per extension: no socket and no TLS session is ever used by two. */
export interface Connections extends AsyncDisposable {
  of(extension: ExtensionId): Dispatcher;
}

export function createConnections(resolve: Resolve): Connections {
  const agents = new Map<ExtensionId, Agent>();
  const lookup = createVettedLookup(resolve);
  return {
    of(extension) {
      const agent = agents.get(extension) ?? openAgent(lookup);
      agents.set(extension, agent);
      return agent;
    },
    async [Symbol.asyncDispose]() {
      const all = [...agents.values()];
      agents.clear();
      await Promise.all(all.map((agent) => agent.destroy()));
    },
  };
}

function openAgent(lookup: ReturnType<typeof createVettedLookup>): Agent {
  return new Agent({
    connect: { lookup, timeout: CONNECT_TIMEOUT_MS, minVersion: 'TLSv1.2' },
    connections: MAX_CONNECTIONS,
    pipelining: 1,
    maxHeaderSize: MAX_HEADER_BYTES,
    headersTimeout: SILENCE_TIMEOUT_MS,
    bodyTimeout: SILENCE_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    keepAliveMaxTimeout: KEEP_ALIVE_MS,
    allowH2: false,
  });
}
