export { createMagcliAdapter, type MagcliHooks } from './magcli-adapter.ts';
