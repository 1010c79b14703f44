import { attack } from '../harness.ts';

export default attack({
  name: 'a loop in a hook, on the way of its own requests',
  limits: { cpuMs: 250 },
  capabilities: [
    { name: 'api.intercept_request', reason: 'Holds them up.', scope: { paths: ['/x/mallory'] } },
  ],
  contributes: { hooks: [{ hook: 'maggate.wrap_request' }] },
  handler: 'async () => ({ body: "passed on as it was" })',
  members: `hooks: { 'maggate.wrap_request': async () => { for (;;); } },`,
  expect: { body: 'passed on as it was', died: 'E_LIMIT_CPU' },
});
