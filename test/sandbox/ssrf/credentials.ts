import { attack } from '../harness.ts';

// As the fetch standard has it, the address is refused before it leaves the sandbox.
export default attack({
  name: 'the granted origin in front of an at sign',
  lair: () => (_request, response) => response.end('home'),
  handler: `async (request, ctx) => {
    const codes = [];
    for (const url of [
      OUTSIDE.lair + '@127.0.0.1:' + OUTSIDE.port + '/',
      OUTSIDE.lair.replace('//', '//granted@'),
      'http://granted:x@127.0.0.1:' + OUTSIDE.port,
    ])
      codes.push(
        await ctx.http.fetch(url).then(
          (answer) => answer.text(),
          (error) => error.code ?? error.name,
        ),
      );
    return { body: [...new Set(codes)] };
  }`,
  expect: { body: ['TypeError'] },
});
