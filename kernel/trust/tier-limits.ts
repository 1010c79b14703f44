import type { Limits, Manifest } from '../../manifests/manifest/manifest.ts';
import type { Tier } from './policy.ts';

/** The most an extension of a tier gets, whatever its manifest asks for (spec 07). */
const CEILINGS: { readonly [T in Tier]: Limits } = {
  /** What the schema of the manifest allows at all. */
  'first-party': {
    cpuMs: 30_000,
    wallMs: 60_000,
    memoryMb: 1_024,
    hostCallsPerSecond: 100_000,
    egressKbPerMinute: 1_048_576,
  },
  verified: {
    cpuMs: 2_000,
    wallMs: 30_000,
    memoryMb: 256,
    hostCallsPerSecond: 5_000,
    egressKbPerMinute: 102_400,
  },
  community: {
    cpuMs: 500,
    wallMs: 10_000,
    memoryMb: 128,
    hostCallsPerSecond: 500,
    egressKbPerMinute: 10_240,
  },
};

/**
 * What an extension gets: what its manifest asks for, up to what its tier allows.
 * @param tier of a stored record; one that this host does not know gets the least
 */
export function effectiveLimits(asked: Limits, tier: string): Limits {
  const most = Object.hasOwn(CEILINGS, tier) ? CEILINGS[tier as Tier] : CEILINGS.community;
  return {
    cpuMs: Math.min(asked.cpuMs, most.cpuMs),
    wallMs: Math.min(asked.wallMs, most.wallMs),
    memoryMb: Math.min(asked.memoryMb, most.memoryMb),
    hostCallsPerSecond: Math.min(asked.hostCallsPerSecond, most.hostCallsPerSecond),
    egressKbPerMinute: Math.min(asked.egressKbPerMinute, most.egressKbPerMinute),
  };
}

/** The manifest as its extension is run. */
export function withinTier(manifest: Manifest, tier: Tier): Manifest {
  return { ...manifest, limits: effectiveLimits(manifest.limits, tier) };
}
