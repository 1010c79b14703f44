import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join, resolve } from 'node:path';
import type { StartTestHost, TestHostReply } from './protocol.ts';

export interface TestHostOptions {
  /** The folder of the extension, as `manifest.json` lies in it. By default where the tests run. */
  readonly dir?: string;
  /** Folders of the extensions it depends on, in the order they are to be installed in. */
  readonly dependencies?: readonly string[];
  /** The configuration it is installed with. */
  readonly config?: object;
  /** What `ctx.secrets.get` answers, by name. */
  readonly secrets?: Readonly<Record<string, string>>;
  /** Names of the keys `ctx.keys` has. */
  readonly keys?: readonly string[];
  /** What an operator grants of what the manifest declares. `all` by default. */
  readonly grant?: 'all' | readonly string[];
}

export interface CallOptions {
  /** Sent as JSON; text as it is. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** The token of another principal; `null`: none. By default that of an owner. */
  readonly token?: string | null;
}

export interface TestAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Parsed if it is JSON, else text. */
  // biome-ignore lint/suspicious/noExplicitAny: a test knows what it asked for
  readonly body: any;
}

export interface RunOptions {
  readonly args?: Readonly<Record<string, unknown>>;
  readonly options?: Readonly<Record<string, unknown>>;
  /** What is piped in. */
  readonly stdin?: string;
}

/** What a command said. */
export interface TestRun {
  readonly text: string | null;
  // biome-ignore lint/suspicious/noExplicitAny: a test knows what it asked for
  readonly data: any;
  readonly exitCode: number;
}

export interface TestLogLine {
  readonly level: string;
  readonly message: string;
  readonly fields: unknown;
}

export interface TestEvent {
  readonly event_id: string;
  readonly event_type: string;
  readonly sequence: number;
  // biome-ignore lint/suspicious/noExplicitAny: a test knows what it published
  readonly data: any;
}

/** A host with one extension, in the real sandbox and on a real database, that is gone after `close()`. */
export interface TestHost {
  readonly id: string;
  readonly version: string;
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  /** Of an owner. */
  readonly token: string;
  /** Calls an endpoint of the extension: `GET /greet/Ada`, `v2 GET /greet/Ada`. */
  call(request: string, options?: CallOptions): Promise<TestAnswer>;
  /** Calls any route of the host, such as those of its control API: `GET /v1/audit`. */
  request(request: string, options?: CallOptions): Promise<TestAnswer>;
  /** Runs a command that the extension adds to `mag`. @throws with the code of the host */
  run(command: string, options?: RunOptions): Promise<TestRun>;
  /** What the extension has logged, oldest first. Lines take a moment: `await expect.poll(() => host.logs())`. */
  logs(): Promise<TestLogLine[]>;
  /** The last hundred events that were published, oldest first. */
  events(type?: string): Promise<TestEvent[]>;
  /** Publishes an event as an operator, for handlers of the extension. */
  publish(type: string, data: unknown): Promise<void>;
  /** Takes a capability away, or gives it back. @throws with the code of the host */
  revoke(capability: string): Promise<void>;
  grant(capability: string): Promise<void>;
  /** Ends it and leaves nothing behind. */
  close(): Promise<void>;
}

/** Where MagFlock is: set by `mag extension:test`. */
const HOME = 'MAG_HOME';
/** The server on which test hosts make their databases: set by `mag extension:test`. */
const DATABASE = 'MAG_TEST_DATABASE';

/**
 * Packs the extension, signs it with a key of the moment, and installs and enables it on a host of its own.
 * @throws Error with the `code` of what failed: `E_PKG_INVALID`, `E_MANIFEST_INVALID`, `E_HEALTH`, …
 */
export async function startTestHost(options: TestHostOptions = {}): Promise<TestHost> {
  const home = process.env[HOME];
  if (home === undefined) {
    throw new Error(
      `There is no MagFlock to test with: run the tests with \`mag extension:test\`, or say in ${HOME} where it is.`,
    );
  }
  const start: StartTestHost = {
    dir: resolve(options.dir ?? '.'),
    dependencies: (options.dependencies ?? []).map((dir) => resolve(dir)),
    config: options.config ?? null,
    secrets: options.secrets ?? {},
    keys: options.keys ?? [],
    approve: options.grant ?? 'all',
    database: process.env[DATABASE] ?? null,
  };
  // Plain Node, whatever the flags of the process that runs the tests are.
  const child = fork(join(home, 'host/testing/main.ts'), {
    execArgv: [],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  child.send(start);
  const reply = await replyOf(child);
  if (reply.kind === 'failed') throw Object.assign(new Error(reply.message), { code: reply.code });
  return createTestHost(child, reply);
}

async function replyOf(child: ChildProcess): Promise<TestHostReply> {
  const ended = new AbortController();
  child.once('exit', () => ended.abort());
  try {
    const [reply] = (await once(child, 'message', { signal: ended.signal })) as [TestHostReply];
    return reply;
  } catch {
    return { kind: 'failed', code: 'E_INTERNAL', message: 'the test host ended before it was ready' };
  }
}

function createTestHost(
  child: ChildProcess,
  { id, version, url, token }: TestHostReply & { kind: 'ready' },
): TestHost {
  const ask = (route: string, path: string, options: CallOptions = {}) =>
    send(`${url}${path}`, route, { token, ...options });
  const request: TestHost['request'] = (text, options) => {
    const { method, path } = partsOf(text);
    return ask(method, path, options);
  };
  const must = async (text: string, options?: CallOptions) => {
    const answer = await request(text, options);
    if (answer.status < 300) return answer.body;
    throw Object.assign(new Error(answer.body?.detail ?? `${text} was answered ${answer.status}`), {
      code: answer.body?.code,
    });
  };
  let closed: Promise<void> | null = null;
  return {
    id,
    version,
    url,
    token,
    request,
    call: (text, options) => {
      const { api, method, path } = partsOf(text);
      return ask(method, `${api}/x/${id}${path}`, options);
    },
    run: (command, options = {}) => must(`POST /v1/commands/${id}/${command}`, { body: options }),
    logs: async () => (await must(`GET /v1/extensions/${id}/logs?limit=1000`)).lines,
    events: async (type) => {
      const filter = type === undefined ? '' : `&type=${encodeURIComponent(type)}`;
      return (await must(`GET /v1/events?limit=100${filter}`)).events.reverse();
    },
    publish: (type, data) => must('POST /v1/events', { body: { type, data } }),
    revoke: (capability) => must(`DELETE /v1/extensions/${id}/grants/${capability}`),
    grant: (capability) => must(`PUT /v1/extensions/${id}/grants/${capability}`, { body: {} }),
    close: () => {
      closed ??= end(child);
      return closed;
    },
  };
}

function partsOf(request: string): { api: string; method: string; path: string } {
  const [, version = '', method, path] = /^(?:v(\d+) )?([A-Z]+) (\/.*)$/.exec(request) ?? [];
  if (method === undefined || path === undefined)
    throw new TypeError(`${request} is no request like GET /greet/Ada`);
  return { api: version === '' ? '' : `/v${version}`, method, path };
}

async function send(
  url: string,
  method: string,
  { body, headers = {}, token }: CallOptions,
): Promise<TestAnswer> {
  const isText = typeof body === 'string';
  const response = await fetch(url, {
    method,
    headers: {
      ...(token ? { authorization: `Bearer ${token}` } : {}),
      ...(body === undefined ? {} : { 'content-type': isText ? 'text/plain' : 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: isText ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  const isJson = /\bjson\b/.test(response.headers.get('content-type') ?? '');
  return {
    status: response.status,
    headers: Object.fromEntries(response.headers),
    body: isJson ? JSON.parse(text) : text,
  };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.disconnect();
  await exited;
}
