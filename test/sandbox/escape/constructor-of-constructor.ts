import { attack } from '../harness.ts';

export default attack({
  name: 'code made by the constructor of every function it was given',
  handler: `async (request, ctx) => {
    const given = [
      ctx.log.info,
      ctx.db.query,
      ctx.state.get,
      ctx.signal.addEventListener,
      setTimeout,
      console.log,
      crypto.randomUUID,
    ];
    return {
      body: await Promise.all(
        given.map((each) =>
          each.constructor('return typeof process + typeof require + (this === globalThis)')(),
        ),
      ),
    };
  }`,
  expect: { body: Array(7).fill('undefinedundefinedtrue') },
});
