import type { Json } from '../../../manifests/json.ts';
import type { GuestCallContext } from '../../../manifests/protocol/frames.ts';
import type {
  AbortSignalLike,
  Context,
  Database,
  Events,
  Log,
  State,
} from '../../../manifests/sdk/host-api.ts';
import { createFetch } from './fetch.ts';
import { createFiles } from './files.ts';
import type { LogLine } from './log.ts';
import { freeze, ownKeys } from './primordials.ts';

export type Ask = (name: string, params: object) => Promise<unknown>;

export interface ContextParts {
  readonly call: number;
  readonly extension: Context['extension'];
  readonly config: Context['config'];
  readonly request: GuestCallContext['request'];
  readonly signal: AbortSignalLike;
  readonly log: LogLine;
  readonly ask: Ask;
}

/** `ctx` of one call: every member of the call table, whatever the manifest declares. The host decides. */
export function createContext(parts: ContextParts): Context {
  const { call, extension, config, request, signal, ask } = parts;
  return freeze({
    extension,
    config,
    request,
    signal,
    log: createLogApi(parts.log, call),
    db: createDatabase(ask),
    events: createEvents(ask),
    state: createState(ask),
    http: freeze({ fetch: createFetch(ask) }),
    files: createFiles(ask),
  });
}

function createLogApi(log: LogLine, call: number): Log {
  return freeze({
    debug: (message: string, fields?: object) => log(call, 'debug', message, fields),
    info: (message: string, fields?: object) => log(call, 'info', message, fields),
    warn: (message: string, fields?: object) => log(call, 'warn', message, fields),
    error: (message: string, fields?: object) => log(call, 'error', message, fields),
  });
}

function createDatabase(ask: Ask): Database {
  type Result<Row> = { rows: Row[]; rowCount: number };
  const query = async <Row>(sql: string, params?: readonly Json[]): Promise<Result<Row>> =>
    (await ask('db.query', { sql, params })) as Result<Row>;
  const queryOne = async <Row>(sql: string, params?: readonly Json[]): Promise<Row | null> =>
    (await query<Row>(sql, params)).rows[0] ?? null;
  return freeze({ query, queryOne });
}

function createEvents(ask: Ask): Events {
  const publish: Events['publish'] = async (type, data, options) =>
    (await ask('events.publish', { type, data, eventId: options?.eventId })) as Awaited<
      ReturnType<Events['publish']>
    >;
  return freeze({ publish });
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

/** Freezes parsed JSON all the way down. */
export function freezeJson<Value>(value: Value): Value {
  if (typeof value !== 'object' || value === null) return value;
  const keys = ownKeys(value);
  for (let i = 0; i < keys.length; i++) freezeJson((value as Record<string, unknown>)[keys[i] as string]);
  return freeze(value);
}
