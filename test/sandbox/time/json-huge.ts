import { attack } from '../harness.ts';

// Two to the fortieth members: time, memory or the longest text there is, whichever ends first.
export default attack({
  name: 'JSON of one thing referred to over and over',
  limits: { cpuMs: 250 },
  handler: `async () => {
    let all = 'x';
    for (let i = 0; i < 40; i++) all = [all, all];
    return { body: JSON.stringify(all).length };
  }`,
  expect: { code: ['E_LIMIT_CPU', 'E_LIMIT_MEMORY', 'E_EXTENSION'] },
});
