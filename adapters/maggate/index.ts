export { createMaggateAdapter, type MaggateAdapter } from './adapter.ts';
