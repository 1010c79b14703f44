import { attack } from '../harness.ts';

// Five calls outside of its scope in a minute end the extension (spec 03): the call it was in ends with it.
export default attack({
  name: 'a scan of ports that goes on after the first refusals',
  lair: () => (_request, response) => response.end('home'),
  handler: `async (request, ctx) => {
    const codes = [];
    for (const url of Array.from({ length: 10 }, (_, n) => 'http://127.0.0.1:' + (OUTSIDE.port - n)))
      codes.push(
        await ctx.http.fetch(url).then(
          (answer) => answer.text(),
          (error) => error.code ?? error.name,
        ),
      );
    return { body: [...new Set(codes)] };
  }`,
  expect: {
    code: 'E_CAP_SCOPE',
    state: 'quarantined',
    audit: ['capability.denied', 'extension.quarantined'],
  },
});
