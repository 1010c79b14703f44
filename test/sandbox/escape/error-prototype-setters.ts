import { attack } from '../harness.ts';

export default attack({
  name: 'setters on the prototypes of errors and objects that catch what the prelude assigns',
  top: `
    const caught = [];
    for (const proto of [Error.prototype, Object.prototype, TypeError.prototype]) {
      for (const name of [
        'code',
        'resolve',
        'reject',
        'run',
        'args',
        'call',
        'id',
        'repeat',
        'shape',
        'signal',
      ]) {
        Object.defineProperty(proto, name, {
          configurable: true,
          set(value) {
            caught.push(this, value);
          },
          get() {
            return undefined;
          },
        });
      }
    }
  `,
  handler: `async (request, ctx) => {
    await ctx.state.get(1).catch(() => null);
    await ctx.state.get('k');
    await new Promise((resolve) => setTimeout(resolve, 1));
    return { body: reached(...caught) };
  }`,
  expect: { body: [] },
});
