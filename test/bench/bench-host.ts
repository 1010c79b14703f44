import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Author, SignedPackage } from '../support/author.ts';
import { HostProcess } from '../support/host-process.ts';

/** A host as users run it: a process of its own, with a durable Postgres. */
export class BenchHost implements AsyncDisposable {
  url = '';
  token = '';
  readonly #dataDir: string;
  #process: HostProcess | null = null;

  private constructor(dataDir: string) {
    this.#dataDir = dataDir;
  }

  static async start(): Promise<BenchHost> {
    const dataDir = await mkdtemp(join(tmpdir(), 'magflock-bench-'));
    await chmod(dataDir, 0o711); // cells run as another account when root runs this
    const host = new BenchHost(dataDir);
    await host.start();
    return host;
  }

  get pid(): number {
    if (this.#process === null) throw new Error('the host does not run');
    return this.#process.pid;
  }

  /** Resolves when it serves and what is enabled runs; after `stop` it goes on with what it left. */
  async start(): Promise<void> {
    // As many spare cells as a host has that says nothing of them.
    const unlimited = { MAG_RATE_LIMIT: '0', MAG_RATE_LIMIT_ANONYMOUS: '0', MAG_SPARE_CELLS: '' };
    this.#process = new HostProcess({ MAG_DATA_DIR: this.#dataDir, MAG_PORT: '0', ...unlimited });
    this.url = await this.#process.ready();
    this.token = await this.#process.token();
  }

  async stop(): Promise<void> {
    await this.#process?.kill('SIGTERM');
    this.#process = null;
  }

  async trust({ publisher, publicKey }: Author, tier: string): Promise<void> {
    await this.ask('POST', '/v1/trust', JSON.stringify({ publisher, publicKey, tier }));
  }

  async stage({ archive, bundle }: SignedPackage): Promise<void> {
    const form = new FormData();
    form.append('package', new Blob([new Uint8Array(archive)]), 'extension.mag');
    form.append('bundle', new Blob([bundle]), 'extension.mag.sigstore.json');
    await this.ask('POST', '/v1/extensions', form);
  }

  async operate(
    id: string,
    kind: 'install' | 'enable' | 'disable' | 'upgrade',
    body: object = {},
  ): Promise<void> {
    const accepted = await this.ask('POST', `/v1/extensions/${id}/${kind}`, JSON.stringify(body));
    const ended = await this.ask('GET', `/v1/operations/${accepted.operation}?wait=60`);
    if (ended.state !== 'succeeded') throw new Error(`${kind} ${id}: ${JSON.stringify(ended.error)}`);
  }

  async run(signed: SignedPackage): Promise<void> {
    await this.stage(signed);
    await this.operate(signed.id, 'install', { version: signed.version, approve: 'all' });
    await this.operate(signed.id, 'enable');
  }

  // biome-ignore lint/suspicious/noExplicitAny: answers of every shape
  async ask(method: string, path: string, body?: string | FormData): Promise<any> {
    const response = await fetch(`${this.url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.token}`,
        ...(typeof body === 'string' ? { 'content-type': 'application/json' } : {}),
      },
      ...(body === undefined ? {} : { body }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text === '' ? null : JSON.parse(text);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await rm(this.#dataDir, { recursive: true, force: true });
  }
}
