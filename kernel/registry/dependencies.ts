import semver from 'semver';
import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import { MagError } from '../errors.ts';

/** What dependency resolution needs to know of an extension. */
export interface Node {
  readonly id: ExtensionId;
  readonly version: string;
  /** Extension id to semver range. */
  readonly dependencies: Readonly<Record<string, string>>;
}

/**
 * The extensions that must run before `id`, in the order they must start, `id` itself last.
 * @throws `E_DEPENDENCY` naming the path to what is missing, incompatible or circular
 */
export function startOrder(id: ExtensionId, known: ReadonlyMap<string, Node>): ExtensionId[] {
  const order: ExtensionId[] = [];
  visit(id, [], known, order);
  return order;
}

function visit(
  id: ExtensionId,
  path: readonly string[],
  known: ReadonlyMap<string, Node>,
  order: ExtensionId[],
): void {
  if (path.includes(id))
    throw new MagError('E_DEPENDENCY', `circular dependency: ${[...path, id].join(' -> ')}`);
  if (order.includes(id)) return;
  const node = known.get(id);
  if (node === undefined)
    throw new MagError('E_DEPENDENCY', `missing: ${[...path, id].join(' -> ')} is not installed`);
  for (const [needed, range] of Object.entries(node.dependencies).sort()) {
    const found = known.get(needed);
    if (found !== undefined && !semver.satisfies(found.version, range)) {
      const route = [...path, id, needed].join(' -> ');
      throw new MagError('E_DEPENDENCY', `incompatible: ${route} is ${found.version}, needed is ${range}`);
    }
    visit(needed as ExtensionId, [...path, id], known, order);
  }
  order.push(id);
}

/** All extensions in an order in which every one follows what it needs; broken ones come last, in id order. */
export function startOrderOfAll(known: ReadonlyMap<string, Node>): ExtensionId[] {
  const order = new Set<ExtensionId>();
  const broken: ExtensionId[] = [];
  for (const { id } of [...known.values()].sort((a, b) => (a.id < b.id ? -1 : 1))) {
    try {
      for (const next of startOrder(id, known)) order.add(next);
    } catch {
      broken.push(id); // its own start will say why
    }
  }
  return [...order, ...broken];
}

/** Who of the given extensions names `id` as a dependency. */
export function dependentsOf(id: ExtensionId, nodes: Iterable<Node>): ExtensionId[] {
  return [...nodes].filter((node) => Object.hasOwn(node.dependencies, id)).map((node) => node.id);
}
