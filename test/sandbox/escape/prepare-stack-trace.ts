import { attack } from '../harness.ts';

export default attack({
  name: 'call sites handed out by Error.prepareStackTrace',
  top: `
    const sites = [];
    Error.stackTraceLimit = Infinity;
    Error.prepareStackTrace = (error, frames) => {
      for (const frame of frames) sites.push(frame.getThis(), frame.getFunction(), frame.getEvalOrigin?.());
      return String(error);
    };
    const trace = () => void new Error('look').stack;
  `,
  handler: `async (request, ctx) => {
    trace();
    const spy = {
      toJSON() {
        trace();
        return 'k';
      },
      toString() {
        trace();
        return 'k';
      },
    };
    console.log(spy);
    ctx.log.info(spy, spy);
    await ctx.state.get(spy).catch(() => trace());
    queueMicrotask(trace);
    await new Promise((resolve) =>
      setTimeout(() => {
        trace();
        resolve();
      }, 1),
    );
    await ctx.state.get(1).catch((error) => void error.stack);
    return { body: reached(...sites) };
  }`,
  expect: { body: [] },
});
