import type { Manifest } from '../../manifests/manifest/manifest.ts';
import { parseManifest } from '../../manifests/manifest/parse.ts';

/** A valid manifest, as it leaves the parser, with the given members instead of the defaults. */
export function manifestOf(members: Record<string, unknown> = {}): Manifest {
  return parseManifest({
    manifestVersion: 1,
    kind: 'extension',
    id: 'acme/hello',
    version: '1.0.0',
    displayName: 'Hello',
    description: 'Greets.',
    license: 'MIT',
    engines: { magflock: '^1.0.0' },
    entry: 'dist/index.js',
    ...members,
  });
}
