import { createRequire } from 'node:module';
import semver from 'semver';
import { MagError } from '../kernel/errors.ts';

/** Versions below which a known hole or fault makes running unsafe (spec 01). */
const NODE_FLOOR = '24.18.1';
const PACKAGE_FLOORS = { 'isolated-vm': '7.0.1', '@sigstore/verify': '4.0.0', ws: '8.21.0' } as const;

/**
 * Checks the runtime before anything else starts.
 * @throws `E_UNSAFE_RUNTIME` naming what is too old and what is needed
 */
export function checkRuntimeFloors(
  nodeVersion: string = process.versions.node,
  versionOf: (name: string) => string = installedVersion,
): void {
  if (semver.lt(nodeVersion, NODE_FLOOR)) {
    throw new MagError(
      'E_UNSAFE_RUNTIME',
      `Node ${nodeVersion} is too old, ${NODE_FLOOR} is needed; "npm ci" installs it for every npm run and npx`,
    );
  }
  for (const [name, floor] of Object.entries(PACKAGE_FLOORS)) {
    const version = versionOf(name);
    if (semver.lt(version, floor)) {
      throw new MagError(
        'E_UNSAFE_RUNTIME',
        `${name} ${version} is too old, ${floor} is needed; run "npm ci"`,
      );
    }
  }
}

function installedVersion(name: string): string {
  const require = createRequire(import.meta.url);
  return (require(`${name}/package.json`) as { version: string }).version;
}
