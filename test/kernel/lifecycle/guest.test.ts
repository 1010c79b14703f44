import { describe, expect, it } from 'vitest';
import { requireContributions } from '../../../kernel/lifecycle/guest.ts';
import { callerOf } from '../../adapters/adapter-contract.ts';

describe('what the manifest contributes', () => {
  const { manifest } = callerOf('acme/hello');
  const endpoint = { method: 'GET', path: '/greet/:name', auth: 'user' } as const;
  const endpoints = [
    { ...endpoint, version: 1 },
    { ...endpoint, version: 2 },
  ];
  const declared = { ...manifest, contributes: { ...manifest.contributes, endpoints } };
  const shape = (...keys: string[]) => ({
    lifecycle: [],
    health: false,
    endpoints: keys,
    hooks: [],
    events: [],
    exports: [],
    jobs: [],
    channels: [],
    providers: [],
    commands: [],
    formats: [],
  });

  it('must be in the code, each version by its own key', () => {
    requireContributions(declared, shape('GET /greet/:name', 'v2 GET /greet/:name'));
    expect(() => requireContributions(declared, shape('GET /greet/:name', 'v1 GET /greet/:name'))).toThrow(
      expect.objectContaining({
        code: 'E_HEALTH',
        message: expect.stringMatching(/: endpoint v2 GET \/greet\/:name$/),
      }),
    );
  });
});
