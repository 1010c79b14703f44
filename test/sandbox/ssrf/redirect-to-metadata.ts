import { attack } from '../harness.ts';

export default attack({
  name: 'a redirect to a metadata service',
  lair: (outside) => (_request, response) =>
    response.writeHead(302, { location: `http://169.254.169.254/${outside.variable}` }).end(),
  handler: 'async (request, ctx) => ({ body: await (await ctx.http.fetch(OUTSIDE.lair)).text() })',
  expect: { code: 'E_CAP_SCOPE' },
});
