import { attack } from '../harness.ts';

// Depth ends as an error of the guest; building it may take the time or the memory first.
export default attack({
  name: 'JSON nested deeper than any stack',
  limits: { cpuMs: 250 },
  handler: `async () => {
    let deep = [];
    for (let i = 0; i < 2_000_000; i++) deep = [deep];
    return { body: deep };
  }`,
  expect: { code: ['E_EXTENSION', 'E_LIMIT_CPU', 'E_LIMIT_MEMORY'] },
});
