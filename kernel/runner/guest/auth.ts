import type { HostCalls } from '../../../manifests/protocol/calls.ts';
import type { Auth } from '../../../manifests/sdk/host-api.ts';
import type { Ask } from './context.ts';
import { freeze } from './primordials.ts';

export function createAuth(ask: Ask): Auth {
  const call = async <Name extends keyof HostCalls>(name: Name, params: object) =>
    (await ask(name, params)) as HostCalls[Name]['result'];
  return freeze({
    roles: freeze({
      assign: async (principal: string, role: string) =>
        (await call('auth.assignRole', { principal, role })).assigned,
      remove: async (principal: string, role: string) =>
        (await call('auth.removeRole', { principal, role })).removed,
      holders: async (role: string, options?: object) =>
        (await call('auth.roleHolders', { ...options, role })).principals,
    }),
    audit: freeze({
      query: async (filter: object = {}) => (await call('auth.queryAudit', filter)).records,
    }),
  });
}
