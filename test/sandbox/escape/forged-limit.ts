import { attack } from '../harness.ts';

export default attack({
  name: 'an error that claims a limit it never met',
  handler: `async () => {
    const codes = ['E_LIMIT_CPU', 'E_LIMIT_MEMORY', 'E_LIMIT_OUTPUT', 'E_LIMIT_RATE'];
    // Puts a code of the host on an error that the prelude made.
    const made = await fetch('http://127.0.0.1:1/', { signal: AbortSignal.abort({ code: 'E_LIMIT_CPU' }) }).then(null, (error) => error);
    throw Object.assign(made, { code: codes[0], toString: () => codes[1] });
  }`,
  expect: { code: 'E_EXTENSION' },
});
