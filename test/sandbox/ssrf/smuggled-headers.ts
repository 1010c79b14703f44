import { attack } from '../harness.ts';

export default attack({
  name: 'headers that begin another request, and those the host sets itself',
  lair: () => (request, response) => response.end(JSON.stringify(request.headers)),
  handler: `async (request, ctx) => {
    const codes = [];
    for (const [name, value] of [
      ['x', 'a\\r\\nhost: evil'],
      ['x\\r\\n', 'a'],
      ['host', '169.254.169.254'],
      ['transfer-encoding', 'chunked'],
      ['content-length', '0'],
      ['x-forwarded-for', '127.0.0.1'],
      ['proxy-authorization', 'x'],
      ['connection', 'upgrade'],
    ]) {
      codes.push(
        await ctx.http.fetch(OUTSIDE.lair, { headers: [[name, value]] }).then(
          (answer) => answer.text(),
          (error) => error.code ?? error.name,
        ),
      );
    }
    return { body: codes.filter((code) => !['E_PARAMS', 'E_NET_FORBIDDEN', 'TypeError'].includes(code)) };
  }`,
  expect: { body: [] },
});
