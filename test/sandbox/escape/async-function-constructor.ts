import { attack } from '../harness.ts';

export default attack({
  name: 'an import asked for by a function made at run time',
  handler: `async () => {
    const AsyncFunction = (async () => {}).constructor;
    const outcome = await AsyncFunction('return import("node:fs")')().then(
      (module) => Object.keys(module),
      (error) => 'refused ' + (error instanceof Error),
    );
    return { body: [outcome, await AsyncFunction('return typeof process')()] };
  }`,
  expect: { body: ['refused true', 'undefined'] },
});
