export { createMaguiAdapter, type MaguiHooks } from './magui-adapter.ts';
