import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ReceivedAlert {
  readonly at: string;
  readonly extension: string;
  readonly version: string;
  readonly code: string;
  readonly detail: string;
}

/** A web server that takes the alerts of a host. */
export class AlertInbox implements AsyncDisposable {
  readonly alerts: ReceivedAlert[] = [];
  /** The requests they came with, in the same order. */
  readonly requests: { readonly headers: IncomingHttpHeaders; readonly body: string }[] = [];
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    server.on('request', async (request, response) => {
      let body = '';
      for await (const chunk of request.setEncoding('utf8')) body += chunk;
      this.requests.push({ headers: request.headers, body });
      this.alerts.push(JSON.parse(body));
      response.end();
    });
  }

  static async open(): Promise<AlertInbox> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new AlertInbox(server);
  }

  /** For `MAG_ALERT_WEBHOOK`. */
  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/alerts`;
  }

  about(extension: string): ReceivedAlert[] {
    return this.alerts.filter((alert) => alert.extension === extension);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
