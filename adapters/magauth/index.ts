export { createMagauthAdapter, type MagauthHooks } from './magauth-adapter.ts';
export type { AuthOfExtensions, RoleGiver } from './ports.ts';
