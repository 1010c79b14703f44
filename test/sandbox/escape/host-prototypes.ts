import { attack } from '../harness.ts';

export default attack({
  name: 'an answer that names __proto__ and constructor all over',
  handler: `async (request, ctx) => {
    const poison = JSON.parse(
      '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"a":{"__proto__":{"admin":true}}}',
    );
    await ctx.state.set('__proto__', poison);
    await ctx.state.set('constructor', poison);
    ctx.log.info('__proto__', poison);
    return {
      headers: JSON.parse('{"__proto__":"x","constructor":"y"}'),
      body: [(await ctx.state.get('__proto__')).a, poison.polluted ?? null],
    };
  }`,
  expect: { body: [JSON.parse('{"__proto__":{"admin":true}}'), null] },
});
