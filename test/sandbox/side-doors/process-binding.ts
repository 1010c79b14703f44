import { attack } from '../harness.ts';

export default attack({
  name: 'the bindings of Node and the flags of V8',
  handler: `async () => {
    const tried = [];
    for (const text of [
      'process.binding("fs")',
      'internalBinding("fs")',
      'primordials',
      '%GetOptimizationStatus(1)',
      '%SystemBreak()',
      'process.dlopen({}, "x")',
      'new Worker("x")',
      'gc()',
      'Realm',
      'new ShadowRealm()',
      'new (class extends Worker {})("x")',
    ]) {
      try {
        tried.push(text + ': ' + typeof new Function('return ' + text)());
      } catch (error) {
        tried.push(
          error.constructor === ReferenceError || error.constructor === SyntaxError ? 'refused' : String(error),
        );
      }
    }
    return { body: [...new Set(tried)] };
  }`,
  expect: { body: ['refused'] },
});
