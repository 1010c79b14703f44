export type { KeyType } from './key-material.ts';
export type { KeySummary } from './key-store.ts';
export { createKeysAdapter, type KeysAdapter } from './keys-adapter.ts';
