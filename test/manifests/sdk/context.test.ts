import { describe, expect, expectTypeOf, it } from 'vitest';
import type { Context } from '#sdk';
import { CALLS, isCall } from '../../../manifests/protocol/calls.ts';
import type { Needs } from '../../../manifests/sdk/context.ts';
import type { Context as FullContext } from '../../../manifests/sdk/host-api.ts';

/** As the type has it: one that is missing here, or too many, does not compile. */
const NEEDS: {
  [Member in keyof Needs]: { [Call in keyof Needs[Member]]: Record<Needs[Member][Call] & string, true> };
} = {
  db: {
    query: { 'database.read': true, 'database.write': true, 'database.schema': true },
    queryOne: { 'database.read': true, 'database.write': true, 'database.schema': true },
    transaction: { 'database.read': true, 'database.write': true, 'database.schema': true },
    createDatabase: { 'database.admin': true },
    listDatabases: { 'database.admin': true },
  },
  events: { publish: { 'api.emit_events': true }, publishInTransaction: { 'api.emit_events': true } },
  http: { fetch: { 'network.outbound': true } },
  files: {
    read: { 'filesystem.read': true, 'filesystem.temp_only': true },
    readBytes: { 'filesystem.read': true, 'filesystem.temp_only': true },
    list: { 'filesystem.read': true, 'filesystem.temp_only': true },
    write: { 'filesystem.write': true, 'filesystem.temp_only': true },
    remove: { 'filesystem.write': true, 'filesystem.temp_only': true },
    temp: { 'filesystem.write': true, 'filesystem.temp_only': true },
  },
  jobs: {
    enqueue: { 'system.background_jobs': true },
    cancel: { 'system.background_jobs': true },
    status: { 'system.background_jobs': true },
    schedule: { 'system.cron_schedule': true },
    unschedule: { 'system.cron_schedule': true },
  },
  realtime: {
    broadcast: { 'realtime.broadcast': true },
    presence: { 'realtime.register_channel': true },
  },
  metrics: {
    counter: { 'system.metrics': true },
    gauge: { 'system.metrics': true },
    histogram: { 'system.metrics': true },
  },
  auth: { roles: { 'auth.modify_roles': true }, audit: { 'auth.audit_access': true } },
  secrets: { get: { 'system.secrets': true }, mappings: { 'system.secret_mappings': true } },
  stores: { use: { 'system.stores': true } },
  keys: {
    sign: { 'system.keys': true },
    verify: { 'system.keys': true },
    publicKey: { 'system.keys': true },
    jws: { 'system.keys': true },
  },
};

/** Members of `ctx` that are made of another call. */
const MADE_OF: Readonly<Record<string, string>> = {
  'db.queryOne': 'db.query',
  'db.transaction': 'db.begin',
  'events.publishInTransaction': 'events.publish',
  'files.readBytes': 'files.read',
  'auth.roles': 'auth.assignRole',
  'auth.audit': 'auth.queryAudit',
  'secrets.mappings': 'secrets.list',
  'stores.use': 'stores.get',
};
/** Calls that end what `db.begin` began, and the other ones of `ctx.auth.roles`, `ctx.secrets.mappings` and of a store. */
const PARTS = [
  ...['db.begin', 'db.commit', 'db.rollback', 'auth.removeRole', 'auth.roleHolders'],
  ...['backends', 'history', 'map', 'unmap', 'rotate', 'check'].map((call) => `secrets.${call}`),
  ...Object.keys(CALLS).filter((name) => name.startsWith('stores.')),
];

describe('what members of ctx need', () => {
  const members = Object.entries(NEEDS).flatMap(([member, calls]) =>
    Object.entries(calls).map(([call, needs]) => ({
      name: `${member}.${call}`,
      needs: Object.keys(needs).sort(),
    })),
  );

  it('is what the table of calls asks for', () => {
    for (const { name, needs } of members) {
      const call = MADE_OF[name] ?? name;
      const row = isCall(call) ? CALLS[call].needs : null;
      const asked = row === 'none' || row === null ? [] : 'anyOf' in row ? [...row.anyOf] : [row.capability];
      expect([name, needs]).toEqual([name, asked.sort()]);
    }
  });

  it('is said of every call that needs a capability', () => {
    const named = new Set(members.flatMap(({ name }) => [name, MADE_OF[name]]));
    const needy = Object.entries(CALLS).filter(
      ([name, { needs }]) => needs !== 'none' && !PARTS.includes(name),
    );
    expect(needy.map(([name]) => name).filter((name) => !named.has(name))).toEqual([]);
  });

  it('leaves ctx whole while there are no generated types', () => {
    expectTypeOf<Context['http']['fetch']>().toEqualTypeOf<FullContext['http']['fetch']>();
    expectTypeOf<keyof Context>().toEqualTypeOf<keyof FullContext>();
  });
});
