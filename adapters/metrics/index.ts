export { createMetricsAdapter } from './metrics-adapter.ts';
