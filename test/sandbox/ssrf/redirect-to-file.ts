import { attack } from '../harness.ts';

export default attack({
  name: 'a redirect to a file',
  lair: (outside) => (_request, response) =>
    response.writeHead(302, { location: `file://${outside.file}` }).end(),
  handler: 'async (request, ctx) => ({ body: await (await ctx.http.fetch(OUTSIDE.lair)).text() })',
  expect: { code: 'E_NET_FORBIDDEN' },
});
