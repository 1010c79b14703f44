import { attack } from '../harness.ts';

export default attack({
  name: "response headers that break out of their line, and those that are the gateway's own",
  handler: `async () => ({
    headers: {
      'x-note': 'a\\r\\nset-cookie: stolen=1',
      'set-cookie': 'stolen=1',
      'transfer-encoding': 'chunked',
      'content-length': '1',
      'content-security-policy': 'none',
      connection: 'upgrade',
      'x-fine': 'yes',
    },
    body: 'kept',
  })`,
  call: async (world) => {
    const answer = await world.visit('attack');
    const { headers } = answer;
    return {
      ...answer,
      body: [answer.body, headers.get('set-cookie'), headers.get('content-security-policy')],
    };
  },
  expect: { body: ['kept', null, "default-src 'none'; sandbox"] },
});
