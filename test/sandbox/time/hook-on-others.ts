import { until } from '../../support/host.ts';
import { attack } from '../harness.ts';

export default attack({
  name: 'a hook that never answers, on the way of the requests of the canary',
  capabilities: [
    { name: 'api.intercept_request', reason: 'Holds up others.', scope: { paths: ['/x/acme/canary'] } },
  ],
  contributes: { hooks: [{ hook: 'maggate.wrap_request' }] },
  limits: { cpuMs: 250, wallMs: 1_000 },
  members: `hooks: { 'maggate.wrap_request': () => new Promise(() => {}) },`,
  call: async ({ ask, attacker, host }) => {
    await until(
      () => host.show(attacker),
      ({ state }) => state === 'disabled',
    );
    return ask('GET', '/x/acme/canary/echo/7');
  },
  // Each request of the canary breaks a budget of the attacker: the fifth turns it off, on record.
  expect: { body: { n: 7 }, state: 'disabled', audit: ['extension.disable'] },
});
