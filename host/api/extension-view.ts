import type { ExtensionDetail, ExtensionSummary, Staged } from '../../kernel/operator.ts';
import type { ExtensionRecord, Grant, Operation, StoredPackage } from '../../kernel/ports.ts';
import type { CellStats } from '../../kernel/sandbox/cell.ts';
import type { Manifest } from '../../manifests/manifest/manifest.ts';

/** The answer to staging, as spec 09 names it. */
export function stagedView({ package: stored, manifest, warnings }: Staged) {
  const { id, version, digest, publisher, tier, signedBy } = stored;
  const { capabilities, dependencies } = manifest;
  return { id, version, digest, publisher, tier, signedBy, capabilities, dependencies, warnings };
}

/** A line of the list. */
export function summaryView({ record, manifest }: ExtensionSummary) {
  const { id, version, state, reason, updatedAt } = record;
  const { displayName, description } = manifest;
  return { id, version, state, displayName, description, reason, updatedAt };
}

/** All of one extension, flat: scripts outside the project read it. Its configuration has a route of its own. */
export function detailView(detail: ExtensionDetail) {
  const { record, manifest, grants, versions, kept, operations, stats } = detail;
  return {
    ...summaryView(detail),
    digest: record.digest,
    highestVersion: record.highestVersion,
    license: manifest.license,
    grants: grants.map(grantView),
    capabilities: capabilityViews(manifest, grants),
    health: healthView(record, stats),
    versions: versions.map((stored) => versionView(stored, detail)),
    kept: kept.map(({ version, digest, replacedAt }) => ({ version, digest, replacedAt })),
    usage: usageView(detail),
    contributions: manifest.contributes,
    dependencies: manifest.dependencies,
    limits: detail.limits,
    operations: operations.map(operationView),
  };
}

function grantView({ capability, scope, grantedBy, grantedAt, uses, lastUsedAt }: Grant) {
  return { capability, scope, grantedBy, grantedAt, uses, lastUsedAt };
}

/** What the manifest asks for, and what of it an operator granted. */
function capabilityViews(manifest: Manifest, grants: readonly Grant[]) {
  const granted = new Set<string>(grants.map(({ capability }) => capability));
  return manifest.capabilities.map((request) => ({ ...request, granted: granted.has(request.name) }));
}

/** What it asks for is known of the version the record is about. */
function versionView(stored: StoredPackage, { record, manifest }: ExtensionDetail) {
  const { id, version, digest, publisher, tier, signedBy, sizeBytes, stagedAt } = stored;
  const known = version === record.version ? { capabilities: manifest.capabilities } : {};
  return { id, version, digest, publisher, tier, signedBy, sizeBytes, stagedAt, ...known };
}

/** How it does as far as the host sees, without asking it. `healthy` is `null` while it is not meant to run. */
export function healthView({ state, reason }: ExtensionRecord, stats: CellStats | null) {
  const running = stats !== null && stats.pid !== null;
  return {
    state,
    healthy: state === 'enabled' ? running : null,
    running,
    reason,
    process: processView(stats),
  };
}

function processView(stats: CellStats | null) {
  if (stats === null) return null;
  const { pid, restarts, recycled, calls, errors, cpuMs, heapBytes, hostCalls, refused, droppedLogs } = stats;
  return { pid, restarts, recycled, calls, errors, cpuMs, heapBytes, hostCalls, refused, droppedLogs };
}

/** What it used, to see which grants could go. */
export function usageView({ grants, manifest, limits, stats }: ExtensionDetail) {
  const held = new Map<string, Grant>(grants.map((grant) => [grant.capability, grant]));
  return {
    capabilities: manifest.capabilities.map(({ name }) => {
      const grant = held.get(name);
      const { uses = 0, lastUsedAt = null, grantedAt = null } = grant ?? {};
      return { name, granted: grant !== undefined, uses, lastUsedAt, grantedAt };
    }),
    limits,
    process: processView(stats),
  };
}

/** Without what it was asked with: a configuration may be part of that. */
export function operationView(operation: Operation) {
  const { id, kind, extension, principal, state, steps, error, createdAt, endedAt } = operation;
  return { id, kind, extension, principal, state, steps, ...(error ? { error } : {}), createdAt, endedAt };
}
