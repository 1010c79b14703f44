import type { Operator } from '../../kernel/operator.ts';
import type { RegistryDesk } from '../api/services.ts';
import { addRegistry, readRegistries, removeRegistry } from './registries-file.ts';
import { resolve } from './resolve.ts';
import { searchRegistries } from './search.ts';

/** The registries in the data folder, as the API edits and asks them. */
export function createRegistryDesk(dataDir: string, operator: Operator): RegistryDesk {
  return {
    list: () => readRegistries(dataDir),
    add: (registry) => addRegistry(dataDir, registry),
    remove: (name) => removeRegistry(dataDir, name),
    search: async (text) => searchRegistries(await readRegistries(dataDir), text),
    resolve: async (request, by) =>
      resolve(request, { registries: await readRegistries(dataDir), operator, by }),
  };
}
