import type { Json } from '../../../manifests/json.ts';
import type { HostCalls } from '../../../manifests/protocol/calls.ts';
import type { GuestCallContext } from '../../../manifests/protocol/frames.ts';
import type {
  AbortSignalLike,
  Context,
  Database,
  Events,
  Extensions,
  JobOptions,
  JobSchedule,
  Jobs,
  Log,
  ProjectDatabase,
  Realtime,
  State,
} from '../../../manifests/sdk/host-api.ts';
import { createAuth } from './auth.ts';
import type { CurrentCall } from './current-call.ts';
import { createFetch } from './fetch.ts';
import { createFiles } from './files.ts';
import { createKeys } from './keys.ts';
import type { LogLine } from './log.ts';
import { createMetrics } from './metrics.ts';
import { freeze, ownKeys, parseJson } from './primordials.ts';
import { createSecrets } from './secrets.ts';
import { createStores } from './stores.ts';
import { inTransaction, transactionOf } from './transaction.ts';
import { hostError } from './wire-error.ts';

export type Ask = (name: string, params: object) => Promise<unknown>;

export interface ContextParts {
  /** On whose account its log lines are: that of a stream changes with each piece. */
  readonly account: CurrentCall;
  readonly identity: Pick<Context, 'extension' | 'config'>;
  /** What the host says of the call, as JSON text. */
  readonly text: string;
  readonly signal: AbortSignalLike;
  readonly log: LogLine;
  readonly ask: Ask;
}

type Told = Pick<GuestCallContext, 'request' | 'caller'>;
type Api = Exclude<keyof Context, 'extension' | 'config' | 'request' | 'caller' | 'signal'>;

/**
 * `ctx` of one call: every member of the call table, whatever the manifest declares. The host decides. Every call has
 * one and uses one or two members of it: they are made when they are asked for.
 */
class CallContext implements Context {
  readonly #parts: ContextParts;
  readonly #made: { [Name in Api]?: Context[Name] } = {};
  #told: Told | null = null;

  constructor(parts: ContextParts) {
    this.#parts = parts;
  }

  get extension() {
    return this.#parts.identity.extension;
  }

  get config() {
    return this.#parts.identity.config;
  }

  get request() {
    return this.#tellings().request;
  }

  get caller() {
    return this.#tellings().caller;
  }

  get signal() {
    return this.#parts.signal;
  }

  get log() {
    this.#made.log ??= createLogApi(this.#parts.log, this.#parts.account);
    return this.#made.log;
  }

  get db() {
    this.#made.db ??= createDatabase(this.#parts.ask);
    return this.#made.db;
  }

  get events() {
    this.#made.events ??= createEvents(this.#parts.ask);
    return this.#made.events;
  }

  get state() {
    this.#made.state ??= createState(this.#parts.ask);
    return this.#made.state;
  }

  get stores() {
    this.#made.stores ??= createStores(this.#parts.ask);
    return this.#made.stores;
  }

  get http() {
    this.#made.http ??= freeze({ fetch: createFetch(this.#parts.ask) });
    return this.#made.http;
  }

  get files() {
    this.#made.files ??= createFiles(this.#parts.ask);
    return this.#made.files;
  }

  get extensions() {
    this.#made.extensions ??= createExtensions(this.#parts.ask);
    return this.#made.extensions;
  }

  get realtime() {
    this.#made.realtime ??= createRealtime(this.#parts.ask);
    return this.#made.realtime;
  }

  get jobs() {
    this.#made.jobs ??= createJobs(this.#parts.ask);
    return this.#made.jobs;
  }

  get metrics() {
    this.#made.metrics ??= createMetrics(this.#parts.ask);
    return this.#made.metrics;
  }

  get secrets() {
    this.#made.secrets ??= createSecrets(this.#parts.ask);
    return this.#made.secrets;
  }

  get keys() {
    this.#made.keys ??= createKeys(this.#parts.ask);
    return this.#made.keys;
  }

  get auth() {
    this.#made.auth ??= createAuth(this.#parts.ask);
    return this.#made.auth;
  }

  #tellings(): Told {
    this.#told ??= freezeJson(parseJson(this.#parts.text) as Told);
    return this.#told;
  }
}

// Nobody but this module makes one.
delete (CallContext.prototype as { constructor?: unknown }).constructor;
freeze(CallContext.prototype);

export function createContext(parts: ContextParts): Context {
  return freeze(new CallContext(parts));
}

function createLogApi(log: LogLine, account: CurrentCall): Log {
  return freeze({
    debug: (message: string, fields?: object) => log(account.call, 'debug', message, fields),
    info: (message: string, fields?: object) => log(account.call, 'info', message, fields),
    warn: (message: string, fields?: object) => log(account.call, 'warn', message, fields),
    error: (message: string, fields?: object) => log(account.call, 'error', message, fields),
  });
}

function createDatabase(ask: Ask): Database {
  type Result<Row> = { rows: Row[]; rowCount: number };
  const query = async <Row>(sql: string, params?: readonly Json[]): Promise<Result<Row>> =>
    (await ask('db.query', { sql, params })) as Result<Row>;
  const queryOne = async <Row>(sql: string, params?: readonly Json[]): Promise<Row | null> =>
    (await query<Row>(sql, params)).rows[0] ?? null;
  return freeze({
    query,
    queryOne,
    transaction: inTransaction(ask),
    createDatabase: async (options: object) => (await ask('db.createDatabase', options)) as ProjectDatabase,
    listDatabases: async () =>
      ((await ask('db.listDatabases', {})) as { databases: ProjectDatabase[] }).databases,
  });
}

function createEvents(ask: Ask): Events {
  type Published = Awaited<ReturnType<Events['publish']>>;
  const publish: Events['publish'] = async (type, data, options) =>
    (await ask('events.publish', { type, data, eventId: options?.eventId })) as Published;
  const publishInTransaction: Events['publishInTransaction'] = async (tx, type, data, options) => {
    const event = { type, data, eventId: options?.eventId, transaction: transactionOf(tx) };
    return { eventId: ((await ask('events.publish', event)) as Published).eventId };
  };
  return freeze({ publish, publishInTransaction });
}

function createState(ask: Ask): State {
  type Entry<Value> = { value: Value; version: number } | null;
  const entry = async <Value>(key: string) => (await ask('state.get', { key })) as Entry<Value>;
  return freeze({
    get: async <Value>(key: string) => (await entry<Value>(key))?.value ?? null,
    getVersioned: async <Value>(key: string) => (await entry<Value>(key)) ?? { value: null, version: 0 },
    set: async (key: string, value: Json) => (await ask('state.set', { key, value })) as { version: number },
    delete: async (key: string) => ((await ask('state.delete', { key })) as { deleted: boolean }).deleted,
    list: async (options: object = {}) =>
      ((await ask('state.list', options)) as { entries: { key: string; value: Json; version: number }[] })
        .entries,
    compareAndSet: async (key: string, value: Json, version: number) =>
      (await ask('state.compareAndSet', { key, value, version })) as { swapped: boolean; version: number },
  });
}

function createJobs(ask: Ask): Jobs {
  type Calls = HostCalls;
  return freeze({
    enqueue: async (job: string, payload?: Json, options?: JobOptions) =>
      (await ask('jobs.enqueue', { ...options, job, payload })) as Calls['jobs.enqueue']['result'],
    cancel: async (id: string) =>
      ((await ask('jobs.cancel', { id })) as Calls['jobs.cancel']['result']).cancelled,
    status: async (id: string) => (await ask('jobs.status', { id })) as Calls['jobs.status']['result'],
    schedule: async (name: string, schedule: JobSchedule) =>
      (await ask('jobs.schedule', { ...schedule, name })) as Calls['jobs.schedule']['result'],
    unschedule: async (name: string) =>
      ((await ask('jobs.unschedule', { name })) as Calls['jobs.unschedule']['result']).removed,
  });
}

function createRealtime(ask: Ask): Realtime {
  type Calls = HostCalls;
  return freeze({
    broadcast: async (channel: string, data: Json) =>
      (await ask('realtime.broadcast', { channel, data })) as Calls['realtime.broadcast']['result'],
    presence: async (channel: string) =>
      (await ask('realtime.presence', { channel })) as Calls['realtime.presence']['result'],
  });
}

function createExtensions(ask: Ask): Extensions {
  type Answer = HostCalls['extensions.call']['result'];
  return freeze({
    call: async <Result>(extension: string, method: string, params?: Json): Promise<Result> => {
      const answer = (await ask('extensions.call', { extension, method, params })) as Answer;
      if ('thrown' in answer) throw hostError(answer.thrown.code, answer.thrown.message);
      return answer.value as Result;
    },
  });
}

/** Freezes parsed JSON all the way down. */
export function freezeJson<Value>(value: Value): Value {
  if (typeof value !== 'object' || value === null) return value;
  const keys = ownKeys(value);
  for (let i = 0; i < keys.length; i++) freezeJson((value as Record<string, unknown>)[keys[i] as string]);
  return freeze(value);
}
