import { attack } from '../harness.ts';

export default attack({
  name: 'the ctx of a call that is over, used in another one',
  top: 'let stolen;',
  endpoints: ['GET /lend'],
  handlers: '"GET /lend": async (request, ctx) => { stolen = ctx; return {}; },',
  handler: `async () => ({
    body: await stolen.state.get('k').then(
      () => 'taken',
      (error) => error.code,
    ),
  })`,
  call: async (world) => {
    await world.visit('lend');
    return world.visit('attack');
  },
  expect: { body: 'E_LIMIT_WALL' },
});
