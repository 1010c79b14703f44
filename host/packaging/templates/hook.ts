import type { Addition } from './addition.ts';
import type { Naming } from './naming.ts';

/** A hook that adds a header to requests. */
export function hookAddition(naming: Naming): Addition {
  const header = `x-${naming.publisher}-${naming.name}`;
  return {
    capabilities: [{ name: 'api.intercept_request', reason: 'Adds a header to requests.' }],
    endpoints: [{ method: 'GET', path: '/headers', auth: 'user' }],
    contributes: { hooks: [{ hook: 'maggate.wrap_request', order: 100 }] },
    endpointSource: `
    // Shows the hook at work: its header is among the ones the request arrived with.
    'GET /headers': (request) => ({ status: 200, body: { ...request.headers } }),
`,
    memberSource: `
  hooks: {
    'maggate.wrap_request': (request) => ({
      ...request,
      headers: { ...request.headers, '${header}': '1' },
    }),
  },
`,
    unitTest: `
it('adds a header, and leaves the rest of a request alone', async () => {
  const before = { method: 'GET', path: '/x', query: { a: '1' }, headers: { accept: '*/*' } };
  const after = await extension.hooks['maggate.wrap_request'](before, createRecordingContext());
  expect(after).toEqual({ ...before, headers: { accept: '*/*', '${header}': '1' } });
});
`,
    sandboxTest: `
it('adds its header to every request', async () => {
  expect((await host.call('GET /headers')).body).toMatchObject({ '${header}': '1' });
});
`,
    readme: '`GET /headers` shows the header that its hook adds to requests.',
  };
}
