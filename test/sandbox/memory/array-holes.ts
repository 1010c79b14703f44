import { attack } from '../harness.ts';

// An array that is too long is an error of the guest.
export default attack({
  name: 'arrays that are nearly all holes',
  limits: { cpuMs: 20_000, wallMs: 30_000 },
  handler: `async () => {
    const all = [];
    for (;;) {
      const holes = [];
      holes[50_000_000] = 1;
      holes.length = 4_294_967_295;
      all.push(holes.concat(new Array(30_000_000).fill(1.5)));
    }
  }`,
  expect: { code: ['E_LIMIT_MEMORY', 'E_EXTENSION'] },
});
