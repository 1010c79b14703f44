export { probeJail } from './jail.ts';
export type { JailLayer } from './jail-report.ts';
export { createSandbox } from './sandbox.ts';
