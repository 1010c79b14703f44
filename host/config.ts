import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { MagError, messageOf } from '../kernel/errors.ts';

/** The configuration of a host, read once at start. */
export interface Config {
  /** The address to listen on. */
  readonly host: string;
  readonly port: number;
  /** Absolute path of the data folder. */
  readonly dataDir: string;
  /** An external Postgres; `null`: the embedded one in the data folder. */
  readonly databaseUrl: string | null;
  /** Overrides how often every extension is checked; `null`: as its manifest says. */
  readonly healthIntervalMs: number | null;
  /** Gets a JSON document by POST when an extension needs an operator. */
  readonly alertWebhook: string | null;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
  /** What the CLI talks to, when it is not the host of this data folder. */
  readonly url: string | null;
  readonly token: string | null;
}

/** Each entry: its environment variable, and its name in `magflock.config.json`. */
const ENTRIES = {
  host: { env: 'MAG_HOST', schema: { type: 'string', minLength: 1 } },
  port: { env: 'MAG_PORT', schema: { type: 'integer', minimum: 0, maximum: 65_535 } },
  dataDir: { env: 'MAG_DATA_DIR', schema: { type: 'string', minLength: 1 } },
  databaseUrl: { env: 'DATABASE_URL', schema: { type: 'string', pattern: '^postgres(ql)?://' } },
  healthIntervalMs: { env: 'MAG_HEALTH_INTERVAL_MS', schema: { type: 'integer', minimum: 100 } },
  alertWebhook: { env: 'MAG_ALERT_WEBHOOK', schema: { type: 'string', pattern: '^https?://' } },
  logLevel: { env: 'MAG_LOG_LEVEL', schema: { enum: ['debug', 'info', 'warn', 'error'] } },
  url: { env: 'MAG_URL', schema: { type: 'string', pattern: '^https?://' } },
  token: { env: 'MAG_TOKEN', schema: { type: 'string', minLength: 1 } },
} as const;

type EntryName = keyof typeof ENTRIES;
type Values = Partial<Record<EntryName, string | number>>;

const DEFAULTS = { host: '127.0.0.1', port: 7070, dataDir: './data', logLevel: 'info' } as const;
const FILE = 'magflock.config.json';

/**
 * Reads `magflock.config.json` in a folder and the environment, which wins.
 * @throws `E_CONFIG` naming the entry that is wrong; its value is not repeated, it may be a secret
 */
export function loadConfig(env: NodeJS.ProcessEnv, folder: string): Config {
  const values: Values = { ...readConfigFile(resolve(folder, FILE)), ...readEnvironment(env) };
  const given = validated(values);
  return {
    host: given.host ?? DEFAULTS.host,
    port: given.port ?? DEFAULTS.port,
    dataDir: resolve(folder, given.dataDir ?? DEFAULTS.dataDir),
    databaseUrl: given.databaseUrl ?? null,
    healthIntervalMs: given.healthIntervalMs ?? null,
    alertWebhook: given.alertWebhook ?? null,
    logLevel: given.logLevel ?? DEFAULTS.logLevel,
    url: given.url ?? null,
    token: given.token ?? null,
  };
}

/** The configuration as it may be shown: secrets and passwords are replaced. */
export function redactConfig(config: Config): Record<string, string | number | null> {
  return {
    ...config,
    databaseUrl: config.databaseUrl === null ? null : redactUrl(config.databaseUrl),
    alertWebhook: config.alertWebhook === null ? null : '[set]', // such addresses carry secrets in their path
    token: config.token === null ? null : '[redacted]',
  };
}

function redactUrl(url: string): string {
  if (!URL.canParse(url)) return '[redacted]';
  const parsed = new URL(url);
  if (parsed.password !== '') parsed.password = 'redacted';
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

function validated(values: Values): Partial<Config> {
  const ajv = new Ajv2020({ strict: true });
  const properties = Object.fromEntries(Object.entries(ENTRIES).map(([name, { schema }]) => [name, schema]));
  const valid = ajv.compile({ type: 'object', properties, additionalProperties: false });
  if (valid(values)) return values as Partial<Config>;
  const problem = valid.errors?.[0];
  const name = problem?.instancePath.slice(1) || String(problem?.params.additionalProperty ?? FILE);
  const env = Object.hasOwn(ENTRIES, name) ? ` (${ENTRIES[name as EntryName].env})` : '';
  throw new MagError('E_CONFIG', `configuration entry ${name}${env} ${problem?.message ?? 'is wrong'}`);
}

/** The environment of this process, for the programs that start here. */
export function environment(): NodeJS.ProcessEnv {
  return process.env;
}
