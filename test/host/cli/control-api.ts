import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

interface SeenRequest {
  readonly method: string;
  /** With the query. */
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** Answers a request, or throws for one the test did not expect. */
export type Answer = (request: SeenRequest, response: ServerResponse) => void;

export interface ControlApi extends AsyncDisposable {
  readonly url: string;
  readonly seen: readonly SeenRequest[];
}

/** A small HTTP server that speaks what a test gives it of spec 09; by `METHOD /path`, without the query. */
export async function controlApi(routes: Readonly<Record<string, Answer>>): Promise<ControlApi> {
  const seen: SeenRequest[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request.setEncoding('latin1')) body += chunk;
    const { method = '', url = '', headers } = request;
    const taken = { method, url, headers, body };
    seen.push(taken);
    const answer = routes[`${method} ${url.split('?')[0]}`];
    if (answer) answer(taken, response);
    else problem(404, 'E_NOT_FOUND', `no ${method} ${url} in this test`)(taken, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    seen,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

export function json(value: unknown, status = 200): Answer {
  return (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
  };
}

export function problem(status: number, code: string, detail: string): Answer {
  return (_request, response) => {
    const body = JSON.stringify({ type: `urn:magflock:error:${code}`, title: '', status, code, detail });
    response.writeHead(status, { 'content-type': 'application/problem+json' }).end(body);
  };
}

/** Server-sent events, then the end of the stream unless it stays open. */
export function stream(events: readonly [event: string, data: unknown][], stays = false): Answer {
  return (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).write(': open\n\n');
    for (const [event, data] of events) response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
    if (!stays) response.end();
  };
}

/** The first answer once, then the second, …; the last one from then on. */
export function inTurn(...answers: readonly Answer[]): Answer {
  let at = 0;
  return (request, response) => answers[Math.min(at++, answers.length - 1)]?.(request, response);
}
