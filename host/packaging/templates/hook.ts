import { endpointManifest, endpointSource, type TemplateFiles } from './endpoint.ts';
import type { Naming } from './naming.ts';

/** The endpoint template, and a hook that adds a header to requests. */
export function hookFiles(naming: Naming): TemplateFiles {
  const header = `x-${naming.publisher}-${naming.name}`;
  return {
    manifest: endpointManifest(naming, {
      capabilities: [{ name: 'api.intercept_request', reason: 'Adds a header to requests.' }],
      endpoints: [{ method: 'GET', path: '/headers', auth: 'user' }],
      hooks: [{ hook: 'maggate.wrap_request', order: 100 }],
    }),
    source: endpointSource(naming, {
      endpoints: `
    // Shows the hook at work: its header is among the ones the request arrived with.
    'GET /headers': (request) => ({ status: 200, body: { ...request.headers } }),
`,
      members: `
  hooks: {
    'maggate.wrap_request': (request) => ({
      ...request,
      headers: { ...request.headers, '${header}': '1' },
    }),
  },
`,
    }),
  };
}
