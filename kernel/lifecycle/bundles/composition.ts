import type { JsonObject } from '../../../manifests/json.ts';
import type { ExtensionId } from '../../../manifests/manifest/manifest.ts';
import type { ExtensionRecord } from '../../ports.ts';

/** A member as a version of its bundle has it. */
export interface Member {
  readonly version: string;
  readonly digest: string;
  /** It came with a bundle, so it goes with the last bundle that has it; else somebody installed it alone. */
  readonly brought: boolean;
}

export type Composition = ReadonlyMap<ExtensionId, Member>;

/**
 * What a version of a bundle consists of. It lies where an extension has its configuration, which a bundle has
 * not: `{ versions: { [version]: { [member]: { version, digest, brought } } } }`. So one write of the record
 * changes version, state and members together.
 */
export function compositionOf(
  { config, version }: Pick<ExtensionRecord, 'config' | 'version'>,
  of = version,
): Composition {
  const { versions = {} } = config as { versions?: Record<string, Record<ExtensionId, Member>> };
  return new Map(Object.entries(versions[of] ?? {}) as [ExtensionId, Member][]);
}

/** The same with one version more, and of the others only those that can still be gone back to. */
export function withComposition(
  config: JsonObject,
  version: string,
  members: Composition,
  keep: readonly string[],
): JsonObject {
  const { versions = {} } = config as { versions?: JsonObject };
  const kept = Object.entries(versions).filter(([name]) => keep.includes(name));
  return { versions: { ...Object.fromEntries(kept), [version]: toJson(members) } };
}

function toJson(members: Composition): JsonObject {
  return Object.fromEntries(
    [...members].map(([id, { version, digest, brought }]) => [id, { version, digest, brought }]),
  );
}
