import type { BundleMember, ExtensionDetail, ExtensionSummary, Staged } from '../../kernel/operator.ts';
import type { ExtensionRecord, Grant, Operation, StoredPackage } from '../../kernel/ports.ts';
import type { CellStats } from '../../kernel/sandbox/cell.ts';
import type { AnyManifest, CapabilityRequest } from '../../manifests/manifest/manifest.ts';

/** The answer to staging, as spec 09 names it. */
export function stagedView({ package: stored, manifest, members, warnings }: Staged) {
  const { id, version, digest, publisher, tier, signedBy } = stored;
  return {
    id,
    version,
    digest,
    publisher,
    tier,
    signedBy,
    capabilities: requestsOf({ manifest, members }),
    dependencies: rangesOf(manifest),
    ...memberViews(manifest, members),
    warnings,
  };
}

/** A line of the list. */
export function summaryView({ record, state, manifest, members }: ExtensionSummary) {
  const { id, version, reason, updatedAt } = record;
  const { kind, displayName, description } = manifest;
  const line = { id, kind, version, state, displayName, description, reason, updatedAt };
  return { ...line, ...memberViews(manifest, members) };
}

/** What it needs: of a bundle, its members. */
function rangesOf(manifest: AnyManifest): Readonly<Record<string, string>> {
  return manifest.kind === 'bundle' ? manifest.extensions : manifest.dependencies;
}

/** What it asks for; a bundle asks for nothing, its members do, each for itself. */
function requestsOf({
  manifest,
  members,
}: Pick<ExtensionSummary, 'manifest' | 'members'>): readonly (CapabilityRequest & { member?: string })[] {
  if (manifest.kind === 'extension') return manifest.capabilities;
  return members.flatMap(({ id, capabilities }) => capabilities.map((asked) => ({ ...asked, member: id })));
}

function memberViews({ kind }: AnyManifest, members: readonly BundleMember[]) {
  if (kind === 'extension') return {};
  return {
    kind,
    members: members.map(({ id, range, state, version, satisfied }) => ({
      ...{ id, range, state, version, satisfied },
    })),
  };
}

/** All of one extension, flat: scripts outside the project read it. Its configuration has a route of its own. */
export function detailView(detail: ExtensionDetail) {
  const { record, manifest, grants, versions, kept, operations, stats } = detail;
  return {
    ...summaryView(detail),
    digest: record.digest,
    highestVersion: record.highestVersion,
    license: manifest.license ?? null,
    grants: grants.map(grantView),
    capabilities: capabilityViews(detail),
    health: manifest.kind === 'bundle' ? bundleHealth(detail) : healthView(record, stats),
    versions: versions.map((stored) => versionView(stored, detail)),
    kept: kept.map(({ version, digest, replacedAt }) => ({ version, digest, replacedAt })),
    usage: usageView(detail),
    contributions: manifest.kind === 'bundle' ? {} : manifest.contributes,
    dependencies: rangesOf(manifest),
    limits: detail.limits,
    warnings: detail.warnings,
    operations: operations.map(operationView),
  };
}

function grantView({ capability, scope, grantedBy, grantedAt, uses, lastUsedAt }: Grant) {
  return { capability, scope, grantedBy, grantedAt, uses, lastUsedAt };
}

/** What the manifest asks for, and what of it an operator granted. */
function capabilityViews(detail: ExtensionDetail) {
  const granted = new Set<string>(detail.grants.map(({ capability }) => capability));
  const requests = requestsOf(detail);
  if (detail.manifest.kind === 'bundle') return requests; // what is granted, its members say
  return requests.map((request) => ({ ...request, granted: granted.has(request.name) }));
}

/** What it asks for is known of the version the record is about. */
function versionView(stored: StoredPackage, detail: ExtensionDetail) {
  const { id, version, digest, publisher, tier, signedBy, sizeBytes, stagedAt } = stored;
  const known = version === detail.record.version ? { capabilities: requestsOf(detail) } : {};
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

/** A bundle is as well as its members. */
export function bundleHealth({ record, members }: ExtensionDetail) {
  const running = members.every(({ state }) => state === 'enabled');
  return { ...healthView(record, null), healthy: record.state === 'enabled' ? running : null, running };
}

function processView(stats: CellStats | null) {
  if (stats === null) return null;
  const { pid, restarts, recycled, calls, errors, cpuMs, hostMs, heapBytes } = stats;
  const { hostCalls, refused, droppedLogs } = stats;
  return {
    ...{ pid, restarts, recycled, calls, errors, cpuMs, hostMs, heapBytes },
    ...{ hostCalls, refused, droppedLogs },
  };
}

/** What it used, to see which grants could go. */
export function usageView(detail: ExtensionDetail) {
  const { grants, manifest, limits, stats, used } = detail;
  const own = manifest.kind === 'bundle' ? [] : manifest.capabilities;
  const held = new Map<string, Grant>(grants.map((grant) => [grant.capability, grant]));
  return {
    capabilities: own.map(({ name }) => {
      const grant = held.get(name);
      const { uses = 0, lastUsedAt = null, grantedAt = null } = grant ?? {};
      return { name, granted: grant !== undefined, uses, lastUsedAt, grantedAt };
    }),
    limits,
    process: processView(stats),
    components: used,
  };
}

/** Without what it was asked with: a configuration may be part of that. */
export function operationView(operation: Operation) {
  const { id, kind, extension, principal, state, steps, error, createdAt, endedAt } = operation;
  return { id, kind, extension, principal, state, steps, ...(error ? { error } : {}), createdAt, endedAt };
}
