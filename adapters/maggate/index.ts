export { createMaggateAdapter, type MaggateAdapter, type MaggateHooks } from './adapter.ts';
