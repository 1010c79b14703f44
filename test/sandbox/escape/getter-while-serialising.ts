import { attack } from '../harness.ts';

// Sloppy functions know their caller; strict ones, as all of the prelude are, must not be handed out.
export default attack({
  name: 'getters that run while an answer is serialised, looking up the stack',
  top: `
    const caught = [];
    const look = new Function(
      'caught',
      'return function look() { let f = look.caller; for (let i = 0; f && i < 50; i++) { caught.push(f, f.arguments); f = f.caller; } return "seen"; }',
    )(caught);
  `,
  handler: 'async () => ({ get body() { look(); return { toJSON: look, valueOf: look }; } })',
  handlers: '"GET /caught": async () => ({ body: reached(...caught) }),',
  endpoints: ['GET /caught'],
  call: async (world) => {
    await world.visit('attack');
    return world.visit('caught');
  },
  expect: { body: [] },
});
