import { attack } from '../harness.ts';

export default attack({
  name: 'the metadata services of clouds',
  lair: () => (_request, response) => response.end('home'),
  handler: `async (request, ctx) => {
    const codes = [];
    for (const url of [
      'http://169.254.169.254/latest/meta-data/',
      'http://[fd00:ec2::254]/latest/',
      'http://metadata.google.internal/',
      'http://100.100.100.200/',
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
