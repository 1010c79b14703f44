import { chmod, copyFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { type Host, startHost } from '../../host/compose.ts';
import { loadConfig } from '../../host/config.ts';
import type { Author, SignedPackage } from './author.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into bodies of every shape
  readonly body: any;
}

/** A whole host in this process, on a database, data folder and port of its own, spoken to over HTTP only. */
export class TestHost implements AsyncDisposable {
  readonly database: TestDatabase;
  readonly dataDir: string;
  #host: Host | null = null;
  #token = '';
  readonly #env: Readonly<Record<string, string>>;

  private constructor(database: TestDatabase, dataDir: string, env: Readonly<Record<string, string>>) {
    this.database = database;
    this.dataDir = dataDir;
    this.#env = env;
  }

  /** `env` adds to what a host reads from its environment. `database`: another one than a clone of the template. */
  static async start(env: Readonly<Record<string, string>> = {}, database?: TestDatabase): Promise<TestHost> {
    const dataDir = await mkdtemp(join(tmpdir(), 'magflock-host-'));
    await chmod(dataDir, 0o711); // cells run as another account when the tests run as root
    const host = new TestHost(database ?? (await createTestDatabase()), dataDir, env);
    await host.boot();
    return host;
  }

  /** Another host on the same database, with a data folder of its own, that trusts whom this one trusts. */
  async startBeside({ trusting = true } = {}): Promise<TestHost> {
    const dataDir = await mkdtemp(join(tmpdir(), 'magflock-host-'));
    await chmod(dataDir, 0o711);
    const policy = 'trust-policy.json';
    if (trusting) await copyFile(join(this.dataDir, policy), join(dataDir, policy));
    const beside = new TestHost({ ...this.database, drop: async () => {} }, dataDir, this.#env);
    await beside.boot();
    return beside;
  }

  get url(): string {
    if (this.#host === null) throw new Error('the host does not run');
    return this.#host.url;
  }

  get mutualTlsUrl(): string {
    return this.#host?.mutualTlsUrl ?? '';
  }

  get token(): string {
    return this.#token;
  }

  /** Starts it, again after `shutdown`, on what it left. */
  async boot(): Promise<void> {
    const own = { MAG_PORT: '0', MAG_DATA_DIR: this.dataDir, DATABASE_URL: this.database.url };
    const env = { MAG_PREINSTALL: 'none', MAG_SPARE_CELLS: '0', ...this.#env, ...own };
    this.#host = await startHost(loadConfig(env, this.dataDir), pino({ level: 'silent' }));
    this.#token = (await readFile(this.#host.tokenFile, 'utf8')).trim();
  }

  async shutdown(): Promise<void> {
    await this.#host?.[Symbol.asyncDispose]();
    this.#host = null;
  }

  /** Asks the host; `token` null sends none. JSON bodies come back parsed, others as text. */
  async ask(
    method: string,
    path: string,
    options: { body?: unknown; token?: string | null; headers?: Record<string, string> } = {},
  ): Promise<Answer> {
    const { body, token = this.#token, headers = {} } = options;
    const isForm = body instanceof FormData;
    const response = await fetch(`${this.url}${path}`, {
      method,
      headers: {
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined || isForm ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: isForm ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = /[/+]json\b/.test(response.headers.get('content-type') ?? '');
    return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
  }

  async trust(author: Author, tier = 'verified'): Promise<void> {
    const { publisher, publicKey } = author;
    const answer = await this.ask('POST', '/v1/trust', { body: { publisher, publicKey, tier } });
    if (answer.status >= 300) throw new Error(`trust: ${JSON.stringify(answer.body)}`);
  }

  stage({
    archive,
    bundle,
    attestations,
  }: {
    archive: Uint8Array;
    bundle?: string | undefined;
    attestations?: string | undefined;
  }): Promise<Answer> {
    const form = new FormData();
    form.append('package', new Blob([new Uint8Array(archive)]), 'extension.mag');
    if (bundle !== undefined) form.append('bundle', new Blob([bundle]), 'extension.mag.sigstore.json');
    if (attestations !== undefined)
      form.append('attestations', new Blob([attestations]), 'extension.mag.intoto.jsonl');
    return this.ask('POST', '/v1/extensions', { body: form });
  }

  /** Runs a lifecycle operation to its end and hands back its row. */
  async operate(
    id: string,
    kind: 'install' | 'enable' | 'disable' | 'uninstall' | 'upgrade' | 'rollback',
    body: unknown = {},
  ): Promise<Answer> {
    const accepted = await this.ask('POST', `/v1/extensions/${id}/${kind}`, { body });
    if (accepted.status !== 202) return accepted;
    return this.ask('GET', `/v1/operations/${accepted.body.operation}?wait=60`);
  }

  /** Stages, installs and enables; throws when any of it is refused or fails. */
  async run(
    signed: SignedPackage,
    approve: readonly string[] | 'all' = 'all',
    config?: unknown,
  ): Promise<void> {
    const staged = await this.stage(signed);
    if (staged.status !== 201) throw new Error(`stage: ${JSON.stringify(staged.body)}`);
    for (const [kind, body] of [
      ['install', { version: signed.version, approve, ...(config === undefined ? {} : { config }) }],
      ['enable', {}],
    ] as const) {
      const { body: operation } = await this.operate(signed.id, kind, body);
      if (operation.state !== 'succeeded') throw new Error(`${kind}: ${JSON.stringify(operation)}`);
    }
  }

  async show(id: string): Promise<Answer['body']> {
    return (await this.ask('GET', `/v1/extensions/${id}`)).body;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown();
    await this.database.drop();
    await rm(this.dataDir, { recursive: true, force: true });
  }
}

/** Asks again until the answer satisfies, by default within a minute. */
export async function until<Value>(
  ask: () => Promise<Value>,
  satisfied: (value: Value) => boolean,
  withinMs = 60_000,
): Promise<Value> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const value = await ask();
    if (satisfied(value)) return value;
    if (Date.now() > deadline) throw new Error(`never came to pass; last: ${JSON.stringify(value)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
