import { attack } from '../harness.ts';

export default attack({
  name: 'a redirect that leaves the scheme out',
  lair: (outside) => (_request, response) =>
    response.writeHead(302, { location: `//127.0.0.1:${outside.port}/` }).end(),
  handler: 'async (request, ctx) => ({ body: await (await ctx.http.fetch(OUTSIDE.lair)).text() })',
  expect: { code: 'E_CAP_SCOPE' },
});
