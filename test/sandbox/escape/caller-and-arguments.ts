import { attack } from '../harness.ts';

export default attack({
  name: 'a sloppy callback that walks up its callers and their arguments',
  top: `
    const caught = [];
    const sloppy = new Function(
      'caught',
      'return function climb() { let f; try { f = arguments.callee.caller; } catch {} for (let i = 0; f && i < 50; i++) { caught.push(f); try { caught.push(f.arguments); f = f.caller; } catch { f = null; } } return "k"; }',
    )(caught);
  `,
  handler: `async (request, ctx) => {
    const spy = { toJSON: sloppy, toString: sloppy, valueOf: sloppy, [Symbol.toPrimitive]: sloppy };
    console.log(spy, [spy]);
    ctx.log.info(spy, spy);
    ctx.signal.addEventListener('abort', sloppy);
    queueMicrotask(sloppy);
    btoa(spy);
    new TextEncoder().encode(spy);
    await ctx.state.get(spy);
    await new Promise((resolve) =>
      setTimeout(() => {
        sloppy();
        resolve();
      }, 1),
    );
    await {
      then(resolve) {
        sloppy();
        resolve();
      },
    };
    return { body: reached(...caught) };
  }`,
  expect: { body: [] },
});
