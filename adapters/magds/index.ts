export { createMagdsAdapter, type MagdsAdapter } from './magds-adapter.ts';
