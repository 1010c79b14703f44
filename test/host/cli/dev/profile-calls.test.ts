import { expect, it } from 'vitest';
import { defaultCalls } from '../../../../host/cli/dev/profile-calls.ts';
import { NO_CONTRIBUTIONS } from '../../../../manifests/manifest/contributions.ts';
import type { EndpointContribution, Manifest } from '../../../../manifests/manifest/manifest.ts';

it('calls what a token and a path are enough for', () => {
  const endpoint = (path: string, auth: string, method: EndpointContribution['method'] = 'GET') => ({
    method,
    path,
    auth,
    version: 1,
  });
  const endpoints = [
    endpoint('/now', 'user'),
    endpoint('/open', 'none'),
    endpoint('/partners', 'certificate'),
    endpoint('/greet/:name', 'user'),
    endpoint('/notes', 'user', 'POST'),
  ];
  const manifest = { contributes: { ...NO_CONTRIBUTIONS, endpoints } } as Partial<Manifest> as Manifest;
  expect(defaultCalls(manifest).map(({ label }) => label)).toEqual(['GET /now', 'GET /open']);
});
