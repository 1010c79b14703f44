import { attack } from '../harness.ts';

export default attack({
  name: 'a heap filled while the module is evaluated',
  limits: { cpuMs: 20_000 },
  top: 'const all = []; for (;;) all.push(new Array(100_000).fill(1));',
  expect: { install: 'E_LIMIT_MEMORY' },
});
