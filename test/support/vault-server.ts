import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

interface Version {
  readonly data: Readonly<Record<string, unknown>>;
  deletedAt: string | null;
}

/** How it fails for a while. */
export type VaultMood =
  | 'well'
  | 'sealed'
  | 'slow'
  | 'silent'
  | 'huge'
  | 'elsewhere'
  | 'no-json'
  | 'broken-off';

/**
 * What the key-value engines of a Vault answer over HTTP, as its API reference says (KV v2 at `secret/`, v1 at `kv/`,
 * AppRole): tokens, versions and their deletion, 403 for a wrong token, 404 for no secret, 503 while it is sealed.
 */
export class VaultServer implements AsyncDisposable {
  readonly #server: Server;
  /** Tokens that open it; `null`: for good. */
  readonly #tokens = new Map<string, number | null>([['root-token', null]]);
  readonly #versioned = new Map<string, Version[]>();
  readonly #plain = new Map<string, Readonly<Record<string, unknown>>>();
  readonly #roles = new Map<string, string>();
  /** Paths that were asked for, in order, logins included. */
  readonly asked: string[] = [];
  /** What came at the other place that it redirects to. */
  readonly strayed: string[] = [];
  mood: VaultMood = 'well';
  #elsewhere = '';

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<VaultServer> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const vault = new VaultServer(server);
    server.on('request', (request, response) => {
      vault.#answer(request, response).catch(() => response.destroy());
    });
    vault.#elsewhere = vault.url.replace('127.0.0.1', 'localhost');
    return vault;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** A new version, at `secret/`. */
  put(path: string, data: Readonly<Record<string, unknown>>): void {
    this.#versioned.set(path, [...(this.#versioned.get(path) ?? []), { data, deletedAt: null }]);
  }

  /** At `kv/`, which has no versions. */
  putPlain(path: string, data: Readonly<Record<string, unknown>>): void {
    this.#plain.set(path, data);
  }

  /** The newest version, as `vault kv delete` does. */
  deleteNewest(path: string): void {
    const newest = this.#versioned.get(path)?.at(-1);
    if (newest !== undefined) newest.deletedAt = new Date().toISOString();
  }

  allow(token: string): void {
    this.#tokens.set(token, null);
  }

  revoke(token: string): void {
    this.#tokens.delete(token);
  }

  /** All that were given for logins. */
  revokeLeases(): void {
    for (const [token, until] of this.#tokens) if (until !== null) this.#tokens.delete(token);
  }

  addRole(roleId: string, secretId: string): void {
    this.#roles.set(roleId, secretId);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? '';
    if (request.headers.host?.startsWith('localhost')) {
      this.strayed.push(JSON.stringify(request.headers));
      return reply(response, 200, { data: { data: { value: 'of-another-server' } } });
    }
    this.asked.push(`${request.method} ${path}`);
    if (this.mood === 'sealed') return reply(response, 503, { errors: ['Vault is sealed'] });
    if (this.mood === 'silent') return;
    if (this.mood === 'slow') await pause(300);
    if (this.mood === 'huge') return void response.writeHead(200).end('x'.repeat(3_000_000));
    if (this.mood === 'no-json') return void response.writeHead(200).end('<html>root-token</html>');
    if (this.mood === 'broken-off') return void response.writeHead(200, { 'content-length': 900 }).write('{');
    if (this.mood === 'elsewhere')
      return void response.writeHead(307, { location: `${this.#elsewhere}${path}` }).end();
    if (path === '/v1/auth/approle/login') return this.#login(request, response);
    const until = this.#tokens.get(String(request.headers['x-vault-token']));
    if (until === undefined || (until !== null && until < Date.now()))
      return reply(response, 403, { errors: ['permission denied'] });
    if (request.method !== 'GET') return reply(response, 405, { errors: ['unsupported operation'] });
    if (path.startsWith('/v1/secret/data/')) return this.#readVersioned(path.slice(16), response);
    if (path.startsWith('/v1/kv/')) return this.#readPlain(path.slice(7), response);
    reply(response, 404, { errors: [`no handler for route "${path}"`] });
  }

  async #login(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = JSON.parse(Buffer.concat(await request.toArray()).toString()) as Record<string, string>;
    if (this.#roles.get(body.role_id ?? '') !== body.secret_id)
      return reply(response, 400, { errors: ['invalid role or secret ID'] });
    const token = randomUUID();
    this.#tokens.set(token, Date.now() + 60_000);
    reply(response, 200, { auth: { client_token: token, lease_duration: 60, renewable: true } });
  }

  #readVersioned(path: string, response: ServerResponse): void {
    const versions = this.#versioned.get(path);
    const newest = versions?.at(-1);
    if (versions === undefined || newest === undefined) {
      reply(response, 404, { errors: [] });
      return;
    }
    const metadata = { version: versions.length, deletion_time: newest.deletedAt ?? '', destroyed: false };
    const isGone = newest.deletedAt !== null;
    reply(response, isGone ? 404 : 200, { data: { data: isGone ? null : newest.data, metadata } });
  }

  #readPlain(path: string, response: ServerResponse): void {
    const data = this.#plain.get(path);
    reply(response, data === undefined ? 404 : 200, data === undefined ? { errors: [] } : { data });
  }
}

function reply(response: ServerResponse, status: number, body: object): void {
  const content = JSON.stringify({ request_id: randomUUID(), ...body });
  response.writeHead(status, { 'content-type': 'application/json' }).end(content);
}
