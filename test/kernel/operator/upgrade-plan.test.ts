import { describe, expect, it } from 'vitest';
import { planUpgrade } from '../../../kernel/operator/upgrade-plan.ts';
import { parseManifest } from '../../../manifests/manifest/parse.ts';

const planned = (version: string, contributes: object) => ({
  manifest: parseManifest({
    manifestVersion: 1,
    kind: 'extension',
    id: 'acme/hello',
    version,
    displayName: 'Hello',
    description: 'Greets.',
    license: 'MIT',
    engines: { magflock: '^1.0.0' },
    entry: 'dist/index.js',
    capabilities: [{ name: 'api.register_endpoint', reason: 'Serves.' }],
    contributes,
  }),
  migrations: [],
});

describe('the plan of an upgrade', () => {
  it('names versions that come, go and are to go', () => {
    const greet = { method: 'GET', path: '/greet' };
    const from = planned('1.0.0', { endpoints: [greet] });
    const to = planned('2.0.0', {
      endpoints: [greet, { ...greet, version: 2 }],
      versions: [{ version: 1, deprecated: '2026-11-30', sunset: '2027-06-01' }],
    });
    expect(planUpgrade(from, to, { from: 1, to: 2 }).contributions).toEqual({
      added: [
        'endpoint v2 GET /greet (auth user)',
        'version 1 (deprecated 2026-11-30, sunset 2027-06-01)',
        'version 2',
      ],
      removed: ['version 1'],
    });
  });
});
