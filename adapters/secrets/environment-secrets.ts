import type { SecretBackend } from './secret-backend.ts';

/** Secrets that the host was started with: none of them is one extension's own. */
export function createEnvironmentSecrets(values: ReadonlyMap<string, string>): SecretBackend {
  return {
    kind: 'environment',
    read: async ({ name, extension }) => {
      const value = extension === null ? values.get(name) : undefined;
      return value === undefined ? { state: 'missing' } : { state: 'present', value };
    },
    list: async () => [...values.keys()].map((name) => ({ name, extension: null })),
  };
}
