import { access, chmod, copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Author, SignedPackage } from '../../support/author.ts';
import { HostProcess } from '../../support/host-process.ts';

export interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into bodies of every shape
  readonly body: any;
}

export interface ChaosHostOptions {
  /** One whose trust policy it takes over. */
  readonly trusting?: ChaosHost;
  /** The program, of another checkout. */
  readonly main?: string;
}

/** A host in a process of its own that is killed, paused and started again on what it left. */
export class ChaosHost implements AsyncDisposable {
  readonly dataDir: string;
  readonly #env: Readonly<Record<string, string>>;
  readonly #program: { readonly main?: string };
  #process: HostProcess | null = null;
  #url = '';
  #token = '';

  private constructor(
    dataDir: string,
    env: Readonly<Record<string, string>>,
    program: { readonly main?: string },
  ) {
    this.dataDir = dataDir;
    this.#env = env;
    this.#program = program;
  }

  static async start(
    env: Readonly<Record<string, string>>,
    { trusting, ...program }: ChaosHostOptions = {},
  ): Promise<ChaosHost> {
    const dataDir = await mkdtemp(join(tmpdir(), 'magflock-chaos-'));
    await chmod(dataDir, 0o711);
    if (trusting !== undefined)
      await copyFile(join(trusting.dataDir, 'trust-policy.json'), join(dataDir, 'trust-policy.json'));
    await using stack = new AsyncDisposableStack();
    const host = stack.use(new ChaosHost(dataDir, env, program));
    await host.boot();
    stack.move();
    return host;
  }

  get process(): HostProcess {
    if (this.#process === null) throw new Error('the host does not run');
    return this.#process;
  }

  get pid(): number {
    return this.process.child.pid ?? 0;
  }

  async boot(): Promise<void> {
    const env = { MAG_PORT: '0', MAG_DATA_DIR: this.dataDir, ...this.#env };
    this.#process = new HostProcess(env, this.#program);
    this.#url = await this.#process.ready();
    this.#token = await this.#process.token();
  }

  /** Asks it; rejects when it is gone. */
  async ask(method: string, path: string, body?: unknown): Promise<Answer> {
    const isForm = body instanceof FormData;
    const response = await fetch(`${this.#url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.#token}`,
        ...(body === undefined || isForm ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: isForm ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.includes('json') === true;
    return { status: response.status, body: isJson ? JSON.parse(text) : text };
  }

  async trust({ publisher, publicKey }: Author): Promise<void> {
    await this.#done(this.ask('POST', '/v1/trust', { publisher, publicKey, tier: 'verified' }));
  }

  async stage({ archive, bundle }: SignedPackage): Promise<void> {
    const form = new FormData();
    form.append('package', new Blob([new Uint8Array(archive)]), 'extension.mag');
    form.append('bundle', new Blob([bundle]), 'extension.mag.sigstore.json');
    await this.#done(this.ask('POST', '/v1/extensions', form));
  }

  /** Begins a move. @returns the id of the operation */
  async begin(id: string, kind: string, body: unknown = {}): Promise<string> {
    return (await this.#done(this.ask('POST', `/v1/extensions/${id}/${kind}`, body))).body.operation;
  }

  /** The operation when it has ended. */
  async ended(operation: string): Promise<Answer['body']> {
    return (await this.ask('GET', `/v1/operations/${operation}?wait=60`)).body;
  }

  /** Moves to the end; throws when it does not succeed. */
  async operate(id: string, kind: string, body: unknown = {}): Promise<void> {
    const operation = await this.ended(await this.begin(id, kind, body));
    if (operation.state !== 'succeeded') throw new Error(`${kind}: ${JSON.stringify(operation)}`);
  }

  /** The state of an extension, `null` for one that is not known. */
  async show(id: string): Promise<Answer['body'] | null> {
    const { status, body } = await this.ask('GET', `/v1/extensions/${id}`);
    return status === 404 ? null : body;
  }

  async hasFilesOf(id: string): Promise<boolean> {
    return access(join(this.dataDir, 'files', id)).then(
      () => true,
      () => false,
    );
  }

  async #done(answer: Promise<Answer>): Promise<Answer> {
    const { status, body } = await answer;
    if (status >= 300) throw new Error(`${status}: ${JSON.stringify(body)}`);
    return { status, body };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process?.kill('SIGKILL');
    await rm(this.dataDir, { recursive: true, force: true });
  }
}
