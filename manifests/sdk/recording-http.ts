import type { Http, HttpInit, HttpResponse } from './host-api.ts';

/** What a test lets a server answer with. */
export interface PlayedResponse {
  /** 200 when absent. */
  readonly status?: number;
  /** Names in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** Remembers every fetch and answers with what the test plays. */
export function recordingHttp(
  record: (name: string, ...args: unknown[]) => void,
  play: (url: string, init: HttpInit) => PlayedResponse = () => ({}),
): Http {
  return {
    fetch: async (given, init = {}) => {
      const url = given.toString();
      record('http.fetch', url, init);
      return playedResponse(url, play(url, init));
    },
  };
}

function playedResponse(
  url: string,
  { status = 200, headers = {}, body = '' }: PlayedResponse,
): HttpResponse {
  const fields = new Map(Object.entries(headers));
  return {
    status,
    statusText: '',
    ok: status >= 200 && status <= 299,
    url,
    redirected: false,
    headers: {
      get: (name) => fields.get(name.toLowerCase()) ?? null,
      has: (name) => fields.has(name.toLowerCase()),
      forEach: (visit) => fields.forEach((value, name) => void visit(value, name)),
    },
    text: async () => body,
    json: async () => JSON.parse(body),
    arrayBuffer: async () =>
      Uint8Array.from(unescape(encodeURIComponent(body)), (byte) => byte.charCodeAt(0)).buffer,
  };
}
