export { createMagwsAdapter, MAX_DATA_BYTES, type MagwsHooks } from './magws-adapter.ts';
export type { Channels, Room } from './ports.ts';
