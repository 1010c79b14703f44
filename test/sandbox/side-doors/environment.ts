import { attack } from '../harness.ts';

export default attack({
  name: 'the environment, the arguments and the working directory',
  handler: `async () => {
    const text =
      JSON.stringify(Object.getOwnPropertyNames(globalThis)) +
      new Error().stack +
      String(Function.prototype.toString.call(console.log));
    return { body: [text.includes(OUTSIDE.variable), typeof env_('process'), typeof env_('environment')] };
    function env_(name) {
      return globalThis[name];
    }
  }`,
  expect: { body: [false, 'undefined', 'undefined'] },
});
