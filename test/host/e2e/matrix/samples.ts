import type { CapabilityName, Scope } from '../../../../manifests/catalog/index.ts';
import type { CallName } from '../../../../manifests/protocol/calls.ts';

/** One use of a host call by an extension. */
export interface Sample {
  /** An expression over `ctx` that makes the call and succeeds with the capability. */
  readonly use: string;
  /** What it takes; `null`: nothing, every extension may. */
  readonly takes: CapabilityName | null;
  /** What else the expression uses on its way to the call: held in every column. */
  readonly beside?: readonly CapabilityName[];
}

/** A grant that covers the samples of a capability, and one that does not. */
export interface Scopes {
  readonly inside: Scope;
  readonly outside: Scope;
}

const MAPPED = `ctx.secrets.mappings.set({ name: 'MAPPED' }, { backend: 'folder', ref: 'ELSEWHERE' })`;

/** For every call of the table: a call without a row here does not compile. */
export const SAMPLES: { readonly [Call in CallName]: Sample } = {
  'db.query': { use: `ctx.db.query('select id from public.matrix')`, takes: 'database.read' },
  'db.begin': {
    use: `ctx.db.transaction((tx) => tx.query('select id from public.matrix'))`,
    takes: 'database.read',
  },
  'db.commit': {
    use: `ctx.db.transaction((tx) => tx.query('select id from public.matrix'))`,
    takes: 'database.read',
  },
  'db.rollback': {
    use: `ctx.db.transaction(() => { throw new Error('back'); }).catch((error) => {
      if (error.message !== 'back') throw error;
    })`,
    takes: null,
    beside: ['database.read'],
  },
  'db.createDatabase': { use: `ctx.db.createDatabase({ name: 'matrix' })`, takes: 'database.admin' },
  'db.listDatabases': { use: `ctx.db.listDatabases()`, takes: 'database.admin' },
  'events.publish': { use: `ctx.events.publish(EVENT, {})`, takes: 'api.emit_events' },
  'state.get': { use: `ctx.state.get('a')`, takes: null },
  'state.set': { use: `ctx.state.set('a', 1)`, takes: null },
  'state.delete': { use: `ctx.state.delete('a')`, takes: null },
  'state.list': { use: `ctx.state.list()`, takes: null },
  'state.compareAndSet': { use: `ctx.state.compareAndSet('b', 1, 0)`, takes: null },
  'stores.get': { use: `ctx.stores.use('postgres').get('a')`, takes: 'system.stores' },
  'stores.set': { use: `ctx.stores.use('postgres').set('a', 1)`, takes: 'system.stores' },
  'stores.delete': { use: `ctx.stores.use('postgres').delete('a')`, takes: 'system.stores' },
  'stores.list': { use: `ctx.stores.use('postgres').list()`, takes: 'system.stores' },
  'stores.compareAndSet': {
    use: `ctx.stores.use('postgres').compareAndSet('b', 1, 0)`,
    takes: 'system.stores',
  },
  'stores.append': { use: `ctx.stores.use('postgres').append('s', 1)`, takes: 'system.stores' },
  'stores.read': { use: `ctx.stores.use('postgres').read('s')`, takes: 'system.stores' },
  'stores.streams': { use: `ctx.stores.use('postgres').streams()`, takes: 'system.stores' },
  'stores.removeStream': { use: `ctx.stores.use('postgres').removeStream('s')`, takes: 'system.stores' },
  'http.fetch': { use: `ctx.http.fetch(ORIGIN + '/')`, takes: 'network.outbound' },
  'files.read': {
    use: `ctx.files.write('mounts/matrix/a.txt', 'a').then(() => ctx.files.read('mounts/matrix/a.txt'))`,
    takes: 'filesystem.read',
    beside: ['filesystem.write'],
  },
  'files.write': { use: `ctx.files.write('mounts/matrix/b.txt', 'b')`, takes: 'filesystem.write' },
  'files.list': { use: `ctx.files.list('mounts/matrix')`, takes: 'filesystem.read' },
  'files.remove': { use: `ctx.files.remove('mounts/matrix/c.txt')`, takes: 'filesystem.write' },
  'jobs.enqueue': { use: `ctx.jobs.enqueue('work')`, takes: 'system.background_jobs' },
  'jobs.cancel': { use: `ctx.jobs.cancel(NOBODY)`, takes: 'system.background_jobs' },
  'jobs.status': { use: `ctx.jobs.status(NOBODY)`, takes: 'system.background_jobs' },
  'jobs.schedule': {
    use: `ctx.jobs.schedule('s', { cron: '0 0 1 1 *', job: 'work' })`,
    takes: 'system.cron_schedule',
  },
  'jobs.unschedule': { use: `ctx.jobs.unschedule('s')`, takes: 'system.cron_schedule' },
  'realtime.broadcast': {
    use: `ctx.realtime.broadcast('room', 1)`,
    takes: 'realtime.broadcast',
    beside: ['realtime.register_channel'],
  },
  'realtime.presence': { use: `ctx.realtime.presence('room')`, takes: 'realtime.register_channel' },
  'metrics.counter': { use: `ctx.metrics.counter('seen').inc()`, takes: 'system.metrics' },
  'metrics.gauge': { use: `ctx.metrics.gauge('level').set(1)`, takes: 'system.metrics' },
  'metrics.histogram': { use: `ctx.metrics.histogram('sizes').observe(1)`, takes: 'system.metrics' },
  'secrets.get': { use: `ctx.secrets.get('MATRIX')`, takes: 'system.secrets' },
  'secrets.list': { use: `ctx.secrets.mappings.list()`, takes: 'system.secret_mappings' },
  'secrets.backends': { use: `ctx.secrets.mappings.backends()`, takes: 'system.secret_mappings' },
  'secrets.history': {
    use: `ctx.secrets.mappings.history({ name: 'MAPPED' })`,
    takes: 'system.secret_mappings',
  },
  'secrets.map': {
    use: MAPPED,
    takes: 'system.secret_mappings',
  },
  'secrets.rotate': {
    use: `${MAPPED}.then(() => ctx.secrets.mappings.rotate({ name: 'MAPPED' }))`,
    takes: 'system.secret_mappings',
  },
  'secrets.check': {
    use: `${MAPPED}.then(() => ctx.secrets.mappings.check({ name: 'MAPPED' }))`,
    takes: 'system.secret_mappings',
  },
  'secrets.unmap': {
    use: `ctx.secrets.mappings.remove({ name: 'MAPPED' })`,
    takes: 'system.secret_mappings',
  },
  'keys.sign': { use: `ctx.keys.sign('main', 'text')`, takes: 'system.keys' },
  'keys.verify': { use: `ctx.keys.verify('main', 'text', new Uint8Array(64))`, takes: 'system.keys' },
  'keys.publicKey': { use: `ctx.keys.publicKey('main')`, takes: 'system.keys' },
  'keys.jws': { use: `ctx.keys.jws('main', 'text')`, takes: 'system.keys' },
  'auth.assignRole': { use: `ctx.auth.roles.assign(SOMEBODY, 'matrix')`, takes: 'auth.modify_roles' },
  'auth.removeRole': { use: `ctx.auth.roles.remove(SOMEBODY, 'matrix')`, takes: 'auth.modify_roles' },
  'auth.roleHolders': { use: `ctx.auth.roles.holders('matrix')`, takes: 'auth.modify_roles' },
  'auth.queryAudit': { use: `ctx.auth.audit.query()`, takes: 'auth.audit_access' },
  'extensions.call': { use: `ctx.extensions.call('acme/callee', 'answer')`, takes: null },
  'files.temp': { use: `ctx.files.temp()`, takes: 'filesystem.temp_only' },
};

/** Of calls that one of several capabilities covers: what it takes to do another thing with the same call. */
export const OTHERS: Readonly<Record<string, Sample & { readonly call: CallName }>> = {
  'db.query.write': {
    call: 'db.query',
    use: `ctx.db.query('insert into public.matrix values (1)')`,
    takes: 'database.write',
  },
  'db.query.schema': {
    call: 'db.query',
    use: `ctx.db.query('alter table public.matrix alter column id set default 0')`,
    takes: 'database.schema',
  },
  'files.write.temp': {
    call: 'files.write',
    use: `ctx.files.write('temp/a.txt', 'a')`,
    takes: 'filesystem.temp_only',
  },
};

/** For every capability above whose grant can be narrowed. */
export const SCOPES = (origin: string, id: string): { readonly [Capability in CapabilityName]?: Scopes } => ({
  'database.read': { inside: { tables: ['public.matrix'] }, outside: { tables: ['public.other'] } },
  'database.write': { inside: { tables: ['public.matrix'] }, outside: { tables: ['public.other'] } },
  'database.schema': { inside: { tables: ['public.matrix'] }, outside: { tables: ['public.other'] } },
  'filesystem.read': { inside: { mounts: ['matrix'] }, outside: { mounts: ['other'] } },
  'filesystem.write': { inside: { mounts: ['matrix'] }, outside: { mounts: ['other'] } },
  'system.stores': { inside: { names: ['postgres'] }, outside: { names: ['elsewhere'] } },
  'system.secrets': { inside: { names: ['MATRIX'] }, outside: { names: ['OTHER'] } },
  'auth.modify_roles': { inside: { roles: ['matrix'] }, outside: { roles: ['other'] } },
  'system.keys': { inside: { keys: ['main'] }, outside: { keys: ['other'] } },
  'realtime.register_channel': {
    inside: { channels: [`${id}/room`] },
    outside: { channels: [`${id}/hall`] },
  },
  'realtime.broadcast': { inside: { channels: [`${id}/room`] }, outside: { channels: [`${id}/hall`] } },
  'network.outbound': {
    inside: { origins: [origin] },
    outside: { origins: ['https://elsewhere.example'] },
  },
});
