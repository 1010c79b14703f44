import { MagError } from '../../kernel/errors.ts';
import type { Source } from './source.ts';

const MAX_REDIRECTS = 3;

/**
 * A registry behind any web server. It may lie in a private network; nothing it answers leads anywhere else:
 * redirects are followed within its own origin only, and nothing is sent along that identifies this host.
 */
export function createWebSource(base: URL): Source {
  return {
    async read(path, maxBytes, signal) {
      const at = new URL(path, base.href.endsWith('/') ? base.href : `${base.href}/`);
      const response = await request(at, path, signal);
      if (response.status === 404 || response.status === 410) {
        await discard(response);
        return null;
      }
      if (!response.ok) {
        await discard(response);
        throw new MagError('E_REGISTRY', `${path}: the server answered ${response.status}`);
      }
      return readBody(response, path, maxBytes, signal);
    },
  };
}

async function request(start: URL, path: string, signal: AbortSignal): Promise<Response> {
  let at = start;
  for (let redirects = 0; ; redirects += 1) {
    const response = await ask(at, path, signal);
    const next = response.headers.get('location');
    if (response.status < 300 || response.status > 399 || next === null) return response;
    await discard(response);
    if (redirects === MAX_REDIRECTS) throw new MagError('E_REGISTRY', `${path}: too many redirects`);
    if (!URL.canParse(next, at.href) || new URL(next, at).origin !== start.origin)
      throw new MagError('E_REGISTRY', `${path}: the server redirects to elsewhere`);
    at = new URL(next, at);
  }
}

async function ask(at: URL, path: string, signal: AbortSignal): Promise<Response> {
  try {
    return await fetch(at.href, {
      redirect: 'manual',
      signal,
      headers: { accept: '*/*' },
      credentials: 'omit',
    });
  } catch (cause) {
    throw unreadable(path, signal, cause);
  }
}

/** Counted as it arrives, and unpacked: what a server says about its length is not believed. */
async function readBody(
  response: Response,
  path: string,
  maxBytes: number,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const chunk of response.body ?? []) {
      bytes += chunk.byteLength;
      // Leaving the loop cancels the body, which ends the connection.
      if (bytes > maxBytes) throw new MagError('E_REGISTRY', `${path} is larger than it may be`);
      chunks.push(chunk);
    }
  } catch (cause) {
    throw cause instanceof MagError ? cause : unreadable(path, signal, cause);
  }
  return Buffer.concat(chunks);
}

function unreadable(path: string, signal: AbortSignal, cause: unknown): MagError {
  const why = signal.aborted ? 'the server took too long' : 'the server does not answer, or broke off';
  return new MagError('E_REGISTRY', `${path}: ${why}`, { cause });
}

async function discard(response: Response): Promise<void> {
  await response.body?.cancel().catch(() => undefined);
}
