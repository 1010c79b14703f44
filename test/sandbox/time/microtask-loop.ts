import { attack } from '../harness.ts';

// Each waits for the next one: on some machines the memory is over before the time.
export default attack({
  name: 'promises that beget promises without end',
  limits: { cpuMs: 250 },
  handler: `() => { const again = () => Promise.resolve().then(again); return again(); }`,
  expect: { code: ['E_LIMIT_CPU', 'E_LIMIT_MEMORY'] },
});
