export type {
  SecretChange,
  SecretKey,
  SecretMapping,
  SecretMappings,
  SecretRead,
  SecretTarget,
  VaultConnection,
  VaultConnections,
} from './ports.ts';
export type { SecretRecord } from './secret-administration.ts';
export { SecretFolder } from './secret-folder.ts';
export type { SecretRow, WantedSecret } from './secret-list.ts';
export { createSecretsAdapter, type SecretsAdapter } from './secrets-adapter.ts';
