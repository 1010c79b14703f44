import type { Json } from '../../../manifests/json.ts';
import type { HostCalls } from '../../../manifests/protocol/calls.ts';
import type { AppendOptions, Store, Stores } from '../../../manifests/sdk/host-api.ts';
import type { Ask } from './context.ts';
import { freeze } from './primordials.ts';

type Calls = HostCalls;
type Entry<Value> = { value: Value; version: number } | null;

/** `ctx.stores`: every call names its store, and the host finds it. */
export function createStores(ask: Ask): Stores {
  return freeze({ use: (store: string) => createStore(ask, store) });
}

function createStore(ask: Ask, store: string): Store {
  const entry = async <Value>(key: string) => (await ask('stores.get', { store, key })) as Entry<Value>;
  return freeze({
    get: async <Value>(key: string) => (await entry<Value>(key))?.value ?? null,
    getVersioned: async <Value>(key: string) => (await entry<Value>(key)) ?? { value: null, version: 0 },
    set: async (key: string, value: Json, options?: { version?: number }) =>
      (await ask('stores.set', {
        store,
        key,
        value,
        version: options?.version,
      })) as Calls['stores.set']['result'],
    delete: async (key: string) =>
      ((await ask('stores.delete', { store, key })) as Calls['stores.delete']['result']).deleted,
    list: async (options: object = {}) =>
      ((await ask('stores.list', { ...options, store })) as Calls['stores.list']['result']).entries,
    compareAndSet: async (key: string, value: Json, version: number) =>
      (await ask('stores.compareAndSet', {
        store,
        key,
        value,
        version,
      })) as Calls['stores.compareAndSet']['result'],
    append: async (stream: string, value: Json, options: AppendOptions = {}) =>
      (await ask('stores.append', { ...options, store, stream, value })) as Calls['stores.append']['result'],
    read: async (stream: string, options: object = {}) =>
      ((await ask('stores.read', { ...options, store, stream })) as Calls['stores.read']['result']).entries,
    streams: async (options: object = {}) =>
      ((await ask('stores.streams', { ...options, store })) as Calls['stores.streams']['result']).streams,
    removeStream: async (stream: string) =>
      ((await ask('stores.removeStream', { store, stream })) as Calls['stores.removeStream']['result'])
        .removed,
  });
}
