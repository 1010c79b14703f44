import { gzipSync } from 'node:zlib';
import { attack } from '../harness.ts';

export default attack({
  name: 'an answer that unpacks to a gigabyte',
  lair: () => (_request, response) =>
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(Buffer.alloc(100_000_000))),
  handler: 'async (request, ctx) => ({ body: (await ctx.http.fetch(OUTSIDE.lair)).status })',
  expect: { code: 'E_LIMIT_OUTPUT' },
});
