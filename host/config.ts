import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { ErrorObject } from 'ajv/dist/2020.js';
import type { Mount } from '../adapters/files/index.ts';
import { MagError, messageOf } from '../kernel/errors.ts';
import type { ExtensionId } from '../manifests/manifest/manifest.ts';
import { SchemaCompiler } from '../manifests/schema-compiler.ts';

/** The configuration of a host, read once at start. */
export interface Config {
  /** The address to listen on. */
  readonly host: string;
  readonly port: number;
  /** Where the mutual-TLS listener is; `null`: there is none. */
  readonly mtlsPort: number | null;
  /** `null`: the address of the first listener. */
  readonly mtlsHost: string | null;
  /** Absolute paths of PEM files: what the listener shows of itself, its private key, and who signs clients. */
  readonly mtlsCertFile: string | null;
  readonly mtlsKeyFile: string | null;
  readonly mtlsClientCaFile: string | null;
  /** Certificates that were taken back, of every signer; `null`: nobody asks. */
  readonly mtlsCrlFile: string | null;
  /** Absolute path of the data folder. */
  readonly dataDir: string;
  /** An external Postgres; `null`: the embedded one in the data folder. */
  readonly databaseUrl: string | null;
  /** What keeps the events (spec 05). */
  readonly events: 'postgres' | 'nats';
  /** The NATS servers, separated by commas, when they keep the events. */
  readonly natsUrl: string | null;
  /** How many copies JetStream is to keep of each event. */
  readonly natsReplicas: number;
  /** Overrides how often every extension is checked; `null`: as its manifest says. */
  readonly healthIntervalMs: number | null;
  /** Milliseconds until a job that failed is tried again; `null`: pauses that grow. */
  readonly jobBackoffMs: number | null;
  /** Gets a JSON document by POST when an extension needs an operator. */
  readonly alertWebhook: string | null;
  /** Cells that wait for an extension, so that the next one starts in a moment; 0: none. */
  readonly spareCells: number;
  /** Extensions and bundles of this checkout that are installed and enabled when a host starts that never had them. */
  readonly preinstall: readonly ExtensionId[];
  /** The folder of `pg_dump` and `pg_restore`; `null`: they are looked for. */
  readonly pgBin: string | null;
  /** Folders that extensions may be lent, by name. */
  readonly mounts: ReadonlyMap<string, Mount>;
  /** As browsers know this host, without a slash behind it; `null`: the address it listens on. */
  readonly publicUrl: string | null;
  /** How long a session may rest, and last in any case. */
  readonly sessionIdleMinutes: number;
  readonly sessionMaxMinutes: number;
  /** Requests in a minute at endpoints of extensions, 0 for any number: of one principal. */
  readonly rateLimit: number;
  /** From one address without a token. */
  readonly rateLimitAnonymous: number;
  /** Tokens that are none, in a minute from one address. */
  readonly rateLimitFailures: number;
  /** Origins of consoles elsewhere that may show frames of extensions, separated by commas. */
  readonly consoles: string | null;
  /** Origins of pages, besides that of the host, that browsers may connect to `/ws` from; `*`: any. */
  readonly wsOrigins: readonly string[];
  /** Connections to `/ws` at once: in all, from one address and of one principal. */
  readonly wsConnections: number;
  readonly wsPerAddress: number;
  readonly wsPerPrincipal: number;
  /** Messages and pings of one connection in a second; twice as many at once. */
  readonly wsRate: number;
  /** How often a connection is asked whether it is there. */
  readonly wsHeartbeatMs: number;
  /** How long a client may not take what is sent to it. */
  readonly wsSlowMs: number;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
  /** By name: `MAG_SECRET_<NAME>` of the environment, which no longer has them. */
  readonly secrets: ReadonlyMap<string, string>;
  /** What the CLI talks to, when it is not the host of this data folder. */
  readonly url: string | null;
  readonly token: string | null;
}

const port = { type: 'integer', minimum: 0, maximum: 65_535 } as const;
const nonEmpty = { type: 'string', minLength: 1 } as const;
const minutes = { type: 'integer', minimum: 1, maximum: 525_600 } as const;
const atLeastOne = { type: 'integer', minimum: 1, maximum: 1_000_000 } as const;
const perMinute = { type: 'integer', minimum: 0, maximum: 1_000_000_000 } as const;

/** `reports=/srv/reports`, or `reports:ro=/srv/reports` for one that is only read. */
const MOUNT = '[a-z][a-z0-9-]{0,39}(:ro)?=/[^,]*';

/** Each entry: its environment variable, and its name in `magflock.config.json`. */
const ENTRIES = {
  host: { env: 'MAG_HOST', schema: nonEmpty },
  port: { env: 'MAG_PORT', schema: port },
  mtlsPort: { env: 'MAG_MTLS_PORT', schema: port },
  mtlsHost: { env: 'MAG_MTLS_HOST', schema: nonEmpty },
  mtlsCertFile: { env: 'MAG_MTLS_CERT_FILE', schema: nonEmpty },
  mtlsKeyFile: { env: 'MAG_MTLS_KEY_FILE', schema: nonEmpty },
  mtlsClientCaFile: { env: 'MAG_MTLS_CLIENT_CA_FILE', schema: nonEmpty },
  mtlsCrlFile: { env: 'MAG_MTLS_CRL_FILE', schema: nonEmpty },
  dataDir: { env: 'MAG_DATA_DIR', schema: nonEmpty },
  databaseUrl: { env: 'DATABASE_URL', schema: { type: 'string', pattern: '^postgres(ql)?://' } },
  events: { env: 'MAG_EVENTS', schema: { enum: ['postgres', 'nats'] } },
  natsUrl: {
    env: 'NATS_URL',
    schema: { type: 'string', pattern: '^(nats|tls)://[^,]+(,(nats|tls)://[^,]+)*$' },
  },
  natsReplicas: { env: 'MAG_NATS_REPLICAS', schema: { type: 'integer', minimum: 1, maximum: 5 } },
  healthIntervalMs: { env: 'MAG_HEALTH_INTERVAL_MS', schema: { type: 'integer', minimum: 100 } },
  jobBackoffMs: { env: 'MAG_JOB_BACKOFF_MS', schema: { type: 'integer', minimum: 1 } },
  alertWebhook: { env: 'MAG_ALERT_WEBHOOK', schema: { type: 'string', pattern: '^https?://' } },
  spareCells: { env: 'MAG_SPARE_CELLS', schema: { type: 'integer', minimum: 0, maximum: 64 } },
  preinstall: {
    env: 'MAG_PREINSTALL',
    schema: { type: 'string', pattern: '^(none|[a-z0-9-]+/[a-z0-9-]+(,[a-z0-9-]+/[a-z0-9-]+)*)$' },
  },
  pgBin: { env: 'MAG_PG_BIN', schema: nonEmpty },
  mounts: { env: 'MAG_MOUNTS', schema: { type: 'string', pattern: `^${MOUNT}(,${MOUNT})*$` } },
  publicUrl: { env: 'MAG_PUBLIC_URL', schema: { type: 'string', pattern: '^https?://[^/?#@]+$' } },
  sessionIdleMinutes: { env: 'MAG_SESSION_IDLE_MINUTES', schema: minutes },
  sessionMaxMinutes: { env: 'MAG_SESSION_MAX_MINUTES', schema: minutes },
  rateLimit: { env: 'MAG_RATE_LIMIT', schema: perMinute },
  rateLimitAnonymous: { env: 'MAG_RATE_LIMIT_ANONYMOUS', schema: perMinute },
  rateLimitFailures: { env: 'MAG_RATE_LIMIT_FAILURES', schema: perMinute },
  consoles: {
    env: 'MAG_CONSOLES',
    schema: { type: 'string', pattern: '^https?://[A-Za-z0-9.:-]+(,https?://[A-Za-z0-9.:-]+)*$' },
  },
  wsOrigins: {
    env: 'MAG_WS_ORIGINS',
    schema: { type: 'string', pattern: '^(\\*|https?://[^/,]+(,https?://[^/,]+)*)$' },
  },
  wsConnections: { env: 'MAG_WS_CONNECTIONS', schema: atLeastOne },
  wsPerAddress: { env: 'MAG_WS_PER_ADDRESS', schema: atLeastOne },
  wsPerPrincipal: { env: 'MAG_WS_PER_PRINCIPAL', schema: atLeastOne },
  wsRate: { env: 'MAG_WS_RATE', schema: atLeastOne },
  wsHeartbeatMs: {
    env: 'MAG_WS_HEARTBEAT_MS',
    schema: { type: 'integer', minimum: 100, maximum: 3_600_000 },
  },
  wsSlowMs: { env: 'MAG_WS_SLOW_MS', schema: { type: 'integer', minimum: 100, maximum: 3_600_000 } },
  logLevel: { env: 'MAG_LOG_LEVEL', schema: { enum: ['debug', 'info', 'warn', 'error'] } },
  url: { env: 'MAG_URL', schema: { type: 'string', pattern: '^https?://' } },
  token: { env: 'MAG_TOKEN', schema: nonEmpty },
} as const;

export type EntryName = keyof typeof ENTRIES;
type Values = Partial<Record<EntryName, string | number>>;
type Given = Omit<Config, 'secrets' | 'wsOrigins' | 'preinstall' | 'mounts'> & {
  readonly mounts: string;
  readonly wsOrigins: string;
  readonly preinstall: string;
};

const DEFAULTS = {
  host: '127.0.0.1',
  port: 7070,
  dataDir: './data',
  events: 'postgres',
  natsReplicas: 1,
  spareCells: 2,
  preinstall: 'magflock/spine',
  sessionIdleMinutes: 30,
  sessionMaxMinutes: 720,
  // More than one host serves to one client that means well, or an office of them.
  rateLimit: 300_000,
  rateLimitAnonymous: 30_000,
  rateLimitFailures: 100,
  wsConnections: 20_000,
  wsPerAddress: 5_000,
  wsPerPrincipal: 5_000,
  wsRate: 100,
  wsHeartbeatMs: 30_000,
  wsSlowMs: 10_000,
  logLevel: 'info',
} as const;
const FILE = 'magflock.config.json';
const SECRET = 'MAG_SECRET_';

/**
 * Reads `magflock.config.json` in a folder and the environment, which wins.
 * @throws `E_CONFIG` naming the entry that is wrong; its value is not repeated, it may be a secret
 */
export function loadConfig(env: NodeJS.ProcessEnv, folder: string): Config {
  const values: Values = { ...readConfigFile(resolve(folder, FILE)), ...readEnvironment(env) };
  const given = validated(values);
  requireMtlsFiles(given);
  const pathOf = (file: string | null | undefined) =>
    typeof file === 'string' ? resolve(folder, file) : null;
  return {
    host: given.host ?? DEFAULTS.host,
    port: given.port ?? DEFAULTS.port,
    mtlsPort: given.mtlsPort ?? null,
    mtlsHost: given.mtlsHost ?? null,
    mtlsCertFile: pathOf(given.mtlsCertFile),
    mtlsKeyFile: pathOf(given.mtlsKeyFile),
    mtlsClientCaFile: pathOf(given.mtlsClientCaFile),
    mtlsCrlFile: pathOf(given.mtlsCrlFile),
    dataDir: resolve(folder, given.dataDir ?? DEFAULTS.dataDir),
    databaseUrl: given.databaseUrl ?? null,
    events: given.events ?? DEFAULTS.events,
    natsUrl: given.natsUrl ?? null,
    natsReplicas: given.natsReplicas ?? DEFAULTS.natsReplicas,
    healthIntervalMs: given.healthIntervalMs ?? null,
    jobBackoffMs: given.jobBackoffMs ?? null,
    alertWebhook: given.alertWebhook ?? null,
    spareCells: given.spareCells ?? DEFAULTS.spareCells,
    preinstall: listOf(given.preinstall ?? DEFAULTS.preinstall),
    pgBin: pathOf(given.pgBin),
    mounts: mountsOf(given.mounts),
    publicUrl: given.publicUrl ?? null,
    sessionIdleMinutes: given.sessionIdleMinutes ?? DEFAULTS.sessionIdleMinutes,
    sessionMaxMinutes: given.sessionMaxMinutes ?? DEFAULTS.sessionMaxMinutes,
    rateLimit: given.rateLimit ?? DEFAULTS.rateLimit,
    rateLimitAnonymous: given.rateLimitAnonymous ?? DEFAULTS.rateLimitAnonymous,
    rateLimitFailures: given.rateLimitFailures ?? DEFAULTS.rateLimitFailures,
    consoles: given.consoles ?? null,
    wsOrigins: given.wsOrigins?.split(',') ?? [],
    wsConnections: given.wsConnections ?? DEFAULTS.wsConnections,
    wsPerAddress: given.wsPerAddress ?? DEFAULTS.wsPerAddress,
    wsPerPrincipal: given.wsPerPrincipal ?? DEFAULTS.wsPerPrincipal,
    wsRate: given.wsRate ?? DEFAULTS.wsRate,
    wsHeartbeatMs: given.wsHeartbeatMs ?? DEFAULTS.wsHeartbeatMs,
    wsSlowMs: given.wsSlowMs ?? DEFAULTS.wsSlowMs,
    logLevel: given.logLevel ?? DEFAULTS.logLevel,
    url: given.url ?? null,
    token: given.token ?? null,
    secrets: takeSecrets(env),
  };
}

/** Without them the listener could let nobody in, or everybody. @throws `E_CONFIG` */
function requireMtlsFiles(given: Partial<Given>): void {
  if (given.mtlsPort === undefined) return;
  for (const name of ['mtlsCertFile', 'mtlsKeyFile', 'mtlsClientCaFile'] as const)
    if (given[name] === undefined)
      throw new MagError('E_CONFIG', `${entryText(name)} is missing: MAG_MTLS_PORT needs it`);
}

/** An entry by both of its names. */
export function entryText(name: EntryName): string {
  return `configuration entry ${name} (${ENTRIES[name].env})`;
}

function listOf(ids: string): ExtensionId[] {
  return ids === 'none' ? [] : (ids.split(',') as ExtensionId[]);
}

function mountsOf(text: string | undefined): Map<string, Mount> {
  const mounts = new Map<string, Mount>();
  for (const entry of text?.split(',') ?? []) {
    const at = entry.indexOf('=');
    const [name = '', mode] = entry.slice(0, at).split(':');
    if (mounts.has(name)) throw new MagError('E_CONFIG', `MAG_MOUNTS has ${name} twice`);
    mounts.set(name, { path: entry.slice(at + 1), isReadOnly: mode === 'ro' });
  }
  return mounts;
}

/** Takes them out of the environment, so that no program that is started from here has them. @throws `E_CONFIG` */
function takeSecrets(env: NodeJS.ProcessEnv): Map<string, string> {
  const secrets = new Map<string, string>();
  for (const variable of Object.keys(env).filter((name) => name.startsWith(SECRET))) {
    const [name, value = ''] = [variable.slice(SECRET.length), env[variable]];
    delete env[variable];
    if (!/^[A-Z][A-Z0-9_]{0,79}$/.test(name))
      throw new MagError('E_CONFIG', `${variable} names no secret: capitals, digits and _, a capital first`);
    if (value !== '') secrets.set(name, value);
  }
  return secrets;
}

/** The configuration as it may be shown: secrets and passwords are replaced. */
export function redactConfig(config: Config): Record<string, string | number | null> {
  return {
    ...config,
    databaseUrl: config.databaseUrl === null ? null : redactUrl(config.databaseUrl),
    natsUrl: config.natsUrl === null ? null : config.natsUrl.split(',').map(redactUrl).join(','),
    alertWebhook: config.alertWebhook === null ? null : '[set]', // such addresses carry secrets in their path
    token: config.token === null ? null : '[redacted]',
    wsOrigins: config.wsOrigins.join(','),
    preinstall: config.preinstall.join(',') || 'none',
    mounts: [...config.mounts.keys()].join(','),
    secrets: `${config.secrets.size} set`,
  };
}

function redactUrl(url: string): string {
  if (!URL.canParse(url)) return '[redacted]';
  const parsed = new URL(url);
  // The user of a NATS address that names no password is a token.
  if (parsed.password !== '') parsed.password = 'redacted';
  else if (parsed.username !== '' && !parsed.protocol.startsWith('postgres')) parsed.username = 'redacted';
  parsed.search = '';
  return parsed.href;
}

function readEnvironment(env: NodeJS.ProcessEnv): Values {
  const values: Values = {};
  for (const [name, entry] of Object.entries(ENTRIES) as [EntryName, (typeof ENTRIES)[EntryName]][]) {
    const text = env[entry.env];
    if (text === undefined || text === '') continue;
    const isNumber = 'type' in entry.schema && entry.schema.type === 'integer' && /^\d+$/.test(text);
    values[name] = isNumber ? Number(text) : text;
  }
  return values;
}

function readConfigFile(file: string): Values {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return {};
    throw new MagError('E_CONFIG', `${FILE} cannot be read`, { cause });
  }
  let values: unknown;
  try {
    values = JSON.parse(text);
  } catch (cause) {
    throw new MagError('E_CONFIG', `${FILE} is not JSON: ${messageOf(cause)}`, { cause });
  }
  if (values !== null && typeof values === 'object' && !Array.isArray(values)) return values; // checked below
  throw new MagError('E_CONFIG', `${FILE} holds no JSON object`);
}

function validated(values: Values): Partial<Given> {
  const ajv = new SchemaCompiler({ strict: true });
  const properties = Object.fromEntries(Object.entries(ENTRIES).map(([name, { schema }]) => [name, schema]));
  const valid = ajv.compile({ type: 'object', properties, additionalProperties: false });
  if (valid(values)) return values as Partial<Given>;
  const problem = valid.errors?.[0];
  const name = problem?.instancePath.slice(1) || String(problem?.params.additionalProperty ?? FILE);
  const entry = Object.hasOwn(ENTRIES, name) ? entryText(name as EntryName) : `configuration entry ${name}`;
  throw new MagError('E_CONFIG', `${entry} ${problemText(problem)}`);
}

/** What ajv leaves unsaid: which values, and that a member it does not allow is no entry. */
function problemText(problem: ErrorObject | undefined): string {
  if (problem?.keyword === 'additionalProperties') return 'is unknown';
  if (problem?.keyword === 'enum') return `must be one of ${problem.params.allowedValues.join(', ')}`;
  return problem?.message ?? 'is wrong';
}

/** The environment of this process, for the programs that start here. */
export function environment(): NodeJS.ProcessEnv {
  return process.env;
}
