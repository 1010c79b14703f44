import { attack } from '../harness.ts';

export default attack({
  name: 'functions made of text that break out of their braces',
  handler: `async () => {
    const made = [];
    for (const text of [
      '}, (function () { return this })(), function () {',
      'return arguments.callee.caller',
      '/*',
      '*/) { return this } ({',
    ]) {
      try {
        made.push(new Function(text), new Function(text, text)());
      } catch (error) {
        made.push(error);
      }
    }
    return { body: reached(...made) };
  }`,
  expect: { body: [] },
});
