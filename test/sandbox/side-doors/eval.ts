import { attack } from '../harness.ts';

export default attack({
  name: 'eval, direct and indirect',
  handler: `async () => {
    const indirect = eval;
    return {
      body: [
        eval('typeof process + typeof require'),
        indirect('typeof process + typeof require'),
        indirect('this === globalThis'),
        ...reached(indirect('this')),
      ],
    };
  }`,
  expect: { body: ['undefinedundefined', 'undefinedundefined', true] },
});
