import { attack } from '../harness.ts';

export default attack({
  name: 'a redirect to itself',
  lair: () => (_request, response) => response.writeHead(307, { location: '/again' }).end(),
  handler: 'async (request, ctx) => ({ body: (await ctx.http.fetch(OUTSIDE.lair)).status })',
  expect: { code: 'E_NET' },
});
