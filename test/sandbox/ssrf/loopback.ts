import { attack } from '../harness.ts';

// Four tries: the fifth would end the extension. Repeats of one denial are one record with a count.
export default attack({
  name: 'loopback, spelled so that it does not look like it',
  lair: () => (_request, response) => response.end('home'),
  handler: `async (request, ctx) => {
    const codes = [];
    for (const url of [
      'http://127.1:' + OUTSIDE.port,
      'http://0x7f000001:' + OUTSIDE.port,
      'http://[::ffff:127.0.0.1]:' + OUTSIDE.port,
      'http://localhost:' + OUTSIDE.port,
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
