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
import { freeze, ownKeys } from './primordials.ts';
import { createSecrets } from './secrets.ts';
import { createStores } from './stores.ts';
import { inTransaction, transactionOf } from './transaction.ts';
import { hostError } from './wire-error.ts';

export type Ask = (name: string, params: object) => Promise<unknown>;

export interface ContextParts {
  /** On whose account its log lines are: that of a stream changes with each piece. */
  readonly account: CurrentCall;
  readonly extension: Context['extension'];
  readonly config: Context['config'];
  readonly request: GuestCallContext['request'];
  readonly caller: GuestCallContext['caller'];
  readonly signal: AbortSignalLike;
  readonly log: LogLine;
  readonly ask: Ask;
}

/** `ctx` of one call: every member of the call table, whatever the manifest declares. The host decides. */
export function createContext(parts: ContextParts): Context {
  const { account, extension, config, request, caller, signal, ask } = parts;
  return freeze({
    extension,
    config,
    request,
    caller,
    signal,
    log: createLogApi(parts.log, account),
    db: createDatabase(ask),
    events: createEvents(ask),
    state: createState(ask),
    stores: createStores(ask),
    http: freeze({ fetch: createFetch(ask) }),
    files: createFiles(ask),
    extensions: createExtensions(ask),
    realtime: createRealtime(ask),
    jobs: createJobs(ask),
    metrics: createMetrics(ask),
    secrets: createSecrets(ask),
    keys: createKeys(ask),
    auth: createAuth(ask),
  });
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
