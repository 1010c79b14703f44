import { attack } from '../harness.ts';

export default attack({
  name: 'recursion that is caught and begun again',
  limits: { cpuMs: 250 },
  handler: `async () => { const dive = () => { try { dive(); } finally { dive(); } }; dive(); }`,
  expect: { code: 'E_LIMIT_CPU' },
});
