import { attack } from '../harness.ts';

export default attack({
  name: 'schemes that are no HTTP',
  lair: () => (_request, response) => response.end('home'),
  handler: `async (request, ctx) => {
    const codes = [];
    for (const url of [
      'file://' + OUTSIDE.file,
      'file:///etc/passwd',
      'ftp://127.0.0.1/',
      'gopher://127.0.0.1:' + OUTSIDE.port + '/_x',
      'data:text/plain,x',
      'ws://127.0.0.1:' + OUTSIDE.port,
      'unix:/var/run/docker.sock:/info',
      'jar:http://127.0.0.1!/x',
      'blob:null/x',
    ])
      codes.push(
        await ctx.http.fetch(url).then(
          (answer) => answer.text(),
          (error) => error.code ?? error.name,
        ),
      );
    return { body: [...new Set(codes)] };
  }`,
  expect: { body: ['E_NET_FORBIDDEN'] },
});
