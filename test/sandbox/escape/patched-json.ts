import { attack } from '../harness.ts';

export default attack({
  name: 'JSON.parse, JSON.stringify and String replaced, with a reviver that looks around',
  top: `
    const caught = [];
    const { parse } = JSON;
    JSON.parse = function (text) {
      caught.push(this, text);
      return parse(text, function (key, value) {
        caught.push(this);
        return value;
      });
    };
    JSON.stringify = function (...args) {
      caught.push(this, ...args);
      return '{"body":"forged"}';
    };
    globalThis.String = Object.assign(
      (value) => {
        caught.push(value);
        return 'forged';
      },
      { prototype: String.prototype },
    );
    globalThis.JSON = { parse: JSON.parse, stringify: JSON.stringify };
  `,
  handler: `async (request, ctx) => {
    await ctx.state.set('k', { a: 1 });
    await ctx.state.get('k');
    return { body: reached(...caught) };
  }`,
  expect: { body: [] },
});
