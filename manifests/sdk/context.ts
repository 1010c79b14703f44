import type { DeclaredOf } from './declared.ts';
import type { Context } from './host-api.ts';

type Rows = 'database.read' | 'database.write' | 'database.schema';
type Reading = 'filesystem.read' | 'filesystem.temp_only';
type Writing = 'filesystem.write' | 'filesystem.temp_only';

/** Which members of `ctx` need one of which capabilities. What is not here needs none. */
export interface Needs {
  readonly db: {
    readonly query: Rows;
    readonly queryOne: Rows;
    readonly transaction: Rows;
    readonly createDatabase: 'database.admin';
    readonly listDatabases: 'database.admin';
  };
  readonly events: {
    readonly publish: 'api.emit_events';
    readonly publishInTransaction: 'api.emit_events';
  };
  readonly http: { readonly fetch: 'network.outbound' };
  readonly files: {
    readonly read: Reading;
    readonly readBytes: Reading;
    readonly list: Reading;
    readonly write: Writing;
    readonly remove: Writing;
    readonly temp: Writing;
  };
  readonly jobs: {
    readonly enqueue: 'system.background_jobs';
    readonly cancel: 'system.background_jobs';
    readonly status: 'system.background_jobs';
    readonly schedule: 'system.cron_schedule';
    readonly unschedule: 'system.cron_schedule';
  };
  readonly realtime: {
    readonly broadcast: 'realtime.broadcast';
    readonly presence: 'realtime.register_channel';
  };
  readonly metrics: {
    readonly counter: 'system.metrics';
    readonly gauge: 'system.metrics';
    readonly histogram: 'system.metrics';
  };
  readonly auth: { readonly roles: 'auth.modify_roles'; readonly audit: 'auth.audit_access' };
  readonly secrets: {
    readonly get: 'system.secrets';
    readonly mappings: 'system.secret_mappings';
  };
  readonly stores: { readonly use: 'system.stores' };
  readonly keys: {
    readonly sign: 'system.keys';
    readonly verify: 'system.keys';
    readonly publicKey: 'system.keys';
    readonly jws: 'system.keys';
  };
}

/** What stands where a call would be that the manifest declares no capability for: it cannot be called. */
// biome-ignore lint/suspicious/noEmptyInterface: the name of the capability is all it is for, in the message of the compiler
export interface Undeclared<_Capability extends string> {}

type Allowed<Member, Needed> = {
  readonly [Call in keyof Member]: Call extends keyof Needed
    ? [Extract<Needed[Call], DeclaredOf<'capabilities', string>>] extends [never]
      ? Undeclared<Needed[Call] & string>
      : Member[Call]
    : Member[Call];
};

/** `ctx` with what the manifest declares; with everything while there are no generated types. */
export type DeclaredContext = {
  readonly [Member in keyof Context]: Member extends keyof Needs
    ? Allowed<Context[Member], Needs[Member]>
    : Context[Member];
};
