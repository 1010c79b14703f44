import { attack } from '../harness.ts';

export default attack({
  name: 'methods that open tunnels or play back secrets',
  lair: () => (request, response) => response.end(request.method),
  handler: `async (request, ctx) => {
    const codes = [];
    for (const method of ['CONNECT', 'TRACE', 'TRACK', 'connect', 'GET / HTTP/1.1\\r\\nx: y', '']) {
      codes.push(
        await ctx.http.fetch(OUTSIDE.lair, { method }).then(
          (answer) => answer.text(),
          (error) => error.code ?? error.name,
        ),
      );
    }
    return { body: codes.filter((code) => !['E_PARAMS', 'E_NET_FORBIDDEN', 'TypeError'].includes(code)) };
  }`,
  expect: { body: [] },
});
