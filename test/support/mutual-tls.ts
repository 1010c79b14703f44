import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { Agent, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { CertificateAuthority, type Identity } from './certificate-authority.ts';

export interface MutualAnswer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into bodies of every shape
  readonly body: any;
}

/** What a host with a mutual-TLS listener needs, in files; and those who may call it. */
export class MutualTlsFiles implements AsyncDisposable {
  readonly servers = new CertificateAuthority('Servers');
  readonly clients = new CertificateAuthority('Clients');
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async create(): Promise<MutualTlsFiles> {
    const files = new MutualTlsFiles(await mkdtemp(join(tmpdir(), 'magflock-mtls-')));
    const { cert, key } = files.servers.issue('host');
    await files.write('cert.pem', cert);
    await files.write('key.pem', key);
    await files.write('ca.pem', files.clients.cert);
    await files.revoke();
    return files;
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  write(name: string, content: string): Promise<void> {
    return writeFile(this.path(name), content);
  }

  revoke(...revoked: readonly Identity[]): Promise<void> {
    return this.write('crl.pem', this.clients.revoke(...revoked));
  }

  /** Of a host, on a port that is free. */
  get env(): Record<string, string> {
    return {
      MAG_MTLS_PORT: '0',
      MAG_MTLS_CERT_FILE: this.path('cert.pem'),
      MAG_MTLS_KEY_FILE: this.path('key.pem'),
      MAG_MTLS_CLIENT_CA_FILE: this.path('ca.pem'),
      MAG_MTLS_CRL_FILE: this.path('crl.pem'),
    };
  }

  /** Asks as somebody, or as nobody; rejects when there is no answer. An `agent` keeps the connection. */
  async ask(
    url: string,
    who: Identity | null,
    options: { method?: string; headers?: Record<string, string>; agent?: Agent; body?: unknown } = {},
  ): Promise<MutualAnswer> {
    const { agent = false, body, ...rest } = options;
    const identity = who === null ? {} : { cert: who.cert, key: who.key };
    const json = body === undefined ? {} : { 'content-type': 'application/json' };
    const headers = { ...json, ...rest.headers };
    return new Promise((resolve, reject) => {
      const asked = request(url, { ...rest, headers, agent, ca: this.servers.cert, ...identity });
      asked.on('error', reject).on('response', (response) => {
        const isJson = /[/+]json\b/.test(response.headers['content-type'] ?? '');
        text(response).then(
          (answer) =>
            resolve({ status: response.statusCode ?? 0, body: isJson ? JSON.parse(answer) : answer }),
          reject,
        );
      });
      asked.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true });
  }
}

/** Keeps one connection open between requests. */
export function oneConnection(): Agent {
  return new Agent({ keepAlive: true, maxSockets: 1 });
}
