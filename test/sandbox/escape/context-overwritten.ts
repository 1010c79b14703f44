import { attack } from '../harness.ts';

export default attack({
  name: 'members of ctx overwritten to speak as another extension',
  handler: `async (request, ctx) => {
    const tried = [];
    const attempt = (run) => {
      try {
        run();
        tried.push('taken');
      } catch (error) {
        tried.push(error.constructor.name);
      }
    };
    attempt(() => {
      ctx.extension.id = 'acme/canary';
    });
    attempt(() => {
      ctx.extension = { id: 'acme/canary', version: '1.0.0' };
    });
    attempt(() => {
      ctx.request.tenantId = 't_other';
    });
    attempt(() => {
      ctx.request.principal.role = 'owner';
    });
    attempt(() => {
      Object.defineProperty(ctx, 'request', { value: null });
    });
    attempt(() => {
      Object.setPrototypeOf(ctx, { request: null });
    });
    attempt(() => {
      ctx.state.get = null;
    });
    attempt(() => {
      Object.defineProperty(Object.getPrototypeOf(ctx), 'request', { value: null });
    });
    attempt(() => {
      delete Object.getPrototypeOf(ctx).db;
    });
    delete ctx.db;
    return { body: [...new Set(tried), ctx.extension.id === 'acme/canary', typeof ctx.db.query] };
  }`,
  expect: { body: ['TypeError', false, 'function'] },
});
