import { attack } from '../harness.ts';

export default attack({
  name: 'addresses that two parsers read differently',
  lair: () => (_request, response) => response.end('home'),
  handler: `async (request, ctx) => {
    const codes = [];
    for (const url of [
      'http://127.0.0.1:' + OUTSIDE.port + '\\\\@' + OUTSIDE.lair.slice(7),
      'http://127.0.0.1:' + OUTSIDE.port + '#@' + OUTSIDE.lair.slice(7),
      'http:127.0.0.1:' + OUTSIDE.port,
      '\\thttp://127.0.0.1:' + OUTSIDE.port + '?' + OUTSIDE.lair,
    ])
      codes.push(
        await ctx.http.fetch(url).then(
          (answer) => answer.text(),
          (error) => error.code ?? error.name,
        ),
      );
    return { body: [...new Set(codes)] };
  }`,
  expect: { body: ['E_CAP_SCOPE'], audit: ['capability.denied'] },
});
