import { attack } from '../harness.ts';

export default attack({
  name: 'a walk over everything that ctx and the request lead to',
  handler: `async (request, ctx) => ({ body: reached(ctx, request, ctx.state.get('k'), ctx.state.get) })`,
  expect: { body: [] },
});
