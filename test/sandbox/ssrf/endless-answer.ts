import { attack } from '../harness.ts';

export default attack({
  name: 'an answer without end',
  lair: () => (_request, response) => {
    const more = () => {
      while (response.write('x'.repeat(65_536)));
    };
    response.on('drain', more);
    more();
  },
  handler: 'async (request, ctx) => ({ body: (await ctx.http.fetch(OUTSIDE.lair)).status })',
  expect: { code: 'E_LIMIT_OUTPUT' },
});
