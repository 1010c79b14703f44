import type { Json } from '../json.ts';
import type { State, Store, Stores } from './host-api.ts';

type RecordCall = (name: string, ...args: unknown[]) => void;

/** A plain map, which lasts as long as the context. */
export function recordingState(record: RecordCall, of = 'state', ...before: readonly string[]) {
  const entries = new Map<string, { value: Json; version: number }>();
  const call = (name: string, ...args: unknown[]) => record(`${of}.${name}`, ...before, ...args);
  const write = (key: string, value: Json, version = (entries.get(key)?.version ?? 0) + 1) => {
    entries.set(key, { value, version });
    return { version };
  };
  return {
    get: async <Value>(key: string) => {
      call('get', key);
      return (entries.get(key)?.value ?? null) as Value | null;
    },
    getVersioned: async <Value>(key: string) => {
      call('getVersioned', key);
      const { value = null, version = 0 } = entries.get(key) ?? {};
      return { value: value as Value | null, version };
    },
    set: async (key, value, options?: { readonly version?: number }) => {
      call('set', key, value, ...(options === undefined ? [] : [options]));
      return write(key, value, options?.version);
    },
    delete: async (key) => {
      call('delete', key);
      return entries.delete(key);
    },
    list: async ({ prefix = '', after = '', limit = 100 } = {}) => {
      call('list', { prefix, after, limit });
      const keys = [...entries.keys()].filter((key) => key.startsWith(prefix) && key > after).sort();
      return keys.slice(0, limit).flatMap((key) => {
        const entry = entries.get(key);
        return entry === undefined ? [] : [{ key, ...entry }];
      });
    },
    compareAndSet: async (key, value, version) => {
      call('compareAndSet', key, value, version);
      const present = entries.get(key)?.version ?? 0;
      if (present !== version) return { swapped: false, version: present };
      return { swapped: true, ...write(key, value) };
    },
  } satisfies State & Pick<Store, 'set'>;
}

/** Every store there may be, each a map and its streams, recorded as `stores.set`, … with its name first. */
export function recordingStores(record: RecordCall): Stores {
  const stores = new Map<string, Store>();
  return {
    use: (name) => {
      const store = stores.get(name) ?? recordingStore(record, name);
      stores.set(name, store);
      return store;
    },
  };
}

function recordingStore(record: RecordCall, name: string): Store {
  const streams = new Map<string, { id: number; value: Json }[]>();
  const call = (what: string, ...args: unknown[]) => record(`stores.${what}`, name, ...args);
  return {
    ...recordingState(record, 'stores', name),
    append: async (stream, value, { id, keep = 10_000 } = {}) => {
      call('append', stream, value);
      const entries = streams.get(stream) ?? [];
      const last = entries.at(-1)?.id ?? 0;
      if (id !== undefined && id <= last)
        throw Object.assign(new Error(`the stream is at ${last} already`), { code: 'E_EXISTS' });
      const entry = { id: id ?? last + 1, value };
      streams.set(stream, [...entries, entry].slice(-keep));
      return { id: entry.id };
    },
    read: async (stream, { after = 0, limit = 100 } = {}) => {
      call('read', stream, { after, limit });
      return (streams.get(stream) ?? []).filter(({ id }) => id > after).slice(0, limit);
    },
    streams: async ({ prefix = '', after = '', limit = 100 } = {}) => {
      call('streams', { prefix, after, limit });
      const names = [...streams.keys()]
        .filter((stream) => stream.startsWith(prefix) && stream > after)
        .sort();
      return names.slice(0, limit).map((stream) => {
        const entries = streams.get(stream) ?? [];
        const ids = entries.map(({ id }) => id);
        return { stream, first: ids[0] ?? 0, last: ids.at(-1) ?? 0, length: ids.length };
      });
    },
    removeStream: async (stream) => {
      call('removeStream', stream);
      return streams.delete(stream);
    },
  };
}
