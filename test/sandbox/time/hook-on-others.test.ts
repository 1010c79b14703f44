import { attack } from '../harness.ts';

attack({
  family: 'time',
  name: 'a hook that never answers, on the way of the requests of the canary',
  capabilities: [
    { name: 'api.intercept_request', reason: 'Holds up others.', scope: { paths: ['/x/acme/canary'] } },
  ],
  contributes: { hooks: [{ hook: 'maggate.wrap_request' }] },
  limits: { wallMs: 100 },
  members: `hooks: { 'maggate.wrap_request': () => new Promise(() => {}) },`,
  handler: 'async () => ({ body: "none of mine" })',
  expect: { body: 'none of mine' },
});
