import { attack } from '../harness.ts';

export default attack({
  name: 'code made by the constructors of generators',
  handler: `async () => {
    const Generator = function* () {}.constructor,
      AsyncGenerator = async function* () {}.constructor;
    const first = Generator('yield typeof process + typeof require')().next().value;
    const second = (await AsyncGenerator('yield typeof process + typeof require')().next()).value;
    return { body: [first, second, ...reached(Generator, AsyncGenerator)] };
  }`,
  expect: { body: ['undefinedundefined', 'undefinedundefined'] },
});
