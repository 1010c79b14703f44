import { attack } from '../harness.ts';

attack({
  family: 'time',
  name: 'recursion that is caught and begun again',
  handler: `async () => { const dive = () => { try { dive(); } finally { dive(); } }; dive(); }`,
  expect: { code: 'E_LIMIT_CPU' },
});
