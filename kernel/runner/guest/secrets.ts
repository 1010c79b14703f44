import type { HostCalls } from '../../../manifests/protocol/calls.ts';
import type { SecretKey, Secrets, SecretTarget } from '../../../manifests/sdk/secrets.ts';
import type { Ask } from './context.ts';
import { freeze } from './primordials.ts';

export function createSecrets(ask: Ask): Secrets {
  const call = async <Name extends keyof HostCalls>(name: Name, params: object) =>
    (await ask(name, params)) as HostCalls[Name]['result'];
  return freeze({
    get: async (name: string) => (await call('secrets.get', { name })).value,
    mappings: freeze({
      list: (options: object = {}) => call('secrets.list', options),
      backends: async () => (await call('secrets.backends', {})).backends,
      history: async (key: SecretKey, options?: object) =>
        (await call('secrets.history', { ...options, ...key })).changes,
      set: (key: SecretKey, target: SecretTarget, options?: object) =>
        call('secrets.map', { ...options, ...key, ...target }),
      remove: (key: SecretKey, options?: object) => call('secrets.unmap', { ...options, ...key }),
      rotate: (key: SecretKey) => call('secrets.rotate', { ...key }),
      check: (key: SecretKey) => call('secrets.check', { ...key }),
    }),
  });
}
