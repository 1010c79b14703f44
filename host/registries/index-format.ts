import { MagError } from '../../kernel/errors.ts';
import schema from '../../manifests/manifest/manifest.schema.json' with { type: 'json' };
import type { AnyManifest, ExtensionId } from '../../manifests/manifest/manifest.ts';
import { describe, formats } from '../../manifests/manifest/validator.ts';
import { SchemaCompiler } from '../../manifests/schema-compiler.ts';

/** The index of a registry, at its root. One file, so that whoever reads it sees one state of all of it. */
export const INDEX_FILE = 'index.json';
/** Some tens of thousands of versions. */
export const MAX_INDEX_BYTES = 8 * 1_048_576;
/** spec 02, package. */
export const MAX_PACKAGE_BYTES = 20 * 1_048_576;
/** A bundle with its certificate and log entry stays far below. */
export const MAX_BUNDLE_BYTES = 1_048_576;
const BUNDLE_SUFFIX = '.sigstore.json';
const ATTESTATIONS_SUFFIX = '.intoto.jsonl';

/**
 * One version of an extension or a bundle as a registry lists it. Nobody vouches for it: it says what to
 * fetch, and what was fetched must agree with it and is then verified like any other package.
 */
export interface IndexEntry {
  readonly id: ExtensionId;
  readonly version: string;
  readonly kind: AnyManifest['kind'];
  /** For people who search. */
  readonly displayName: string;
  readonly description: string;
  /** `sha256:<hex>` of the package. */
  readonly digest: string;
  readonly sizeBytes: number;
  readonly engines: { readonly magflock: string };
  /** Extension id to semver range; of a bundle, its members. */
  readonly dependencies: Readonly<Record<string, string>>;
  /** Reviews and provenance lie beside it. More may come later: what they are, only their signatures say. */
  readonly attestations?: true;
}

/** By id. A `Map`: the names are chosen by others. */
export type RegistryIndex = ReadonlyMap<ExtensionId, readonly IndexEntry[]>;

interface IndexFile {
  readonly formatVersion: 1;
  readonly extensions: Readonly<Record<ExtensionId, Record<string, Omit<IndexEntry, 'id' | 'version'>>>>;
}

const ID = schema.properties.id.pattern;
const RANGE = { type: 'string', format: 'semver-range', maxLength: 128 } as const;
const ENTRY = {
  type: 'object',
  additionalProperties: false,
  required: ['kind', 'displayName', 'description', 'digest', 'sizeBytes', 'engines', 'dependencies'],
  properties: {
    kind: { enum: ['extension', 'bundle'] },
    displayName: { type: 'string', maxLength: 110 }, // of a bundle without a name it is its id
    description: { type: 'string', maxLength: 500 },
    digest: { type: 'string', pattern: '^sha256:[0-9a-f]{64}$' },
    sizeBytes: { type: 'integer', minimum: 1, maximum: MAX_PACKAGE_BYTES },
    engines: {
      type: 'object',
      additionalProperties: false,
      required: ['magflock'],
      properties: { magflock: RANGE },
    },
    dependencies: {
      type: 'object',
      maxProperties: 50,
      propertyNames: { pattern: ID },
      additionalProperties: RANGE,
    },
    attestations: { const: true },
  },
} as const;
// Stops at the first problem: whoever wrote the index may have put millions of them in.
const compiler = new SchemaCompiler({ strict: true, ownProperties: true, formats });
const isIndexFile = compiler.later<IndexFile>({
  type: 'object',
  additionalProperties: false,
  required: ['formatVersion', 'extensions'],
  properties: {
    formatVersion: { const: 1 },
    extensions: {
      type: 'object',
      propertyNames: { pattern: ID },
      additionalProperties: {
        type: 'object',
        minProperties: 1,
        maxProperties: 1_000,
        propertyNames: { type: 'string', format: 'semver', maxLength: 64 },
        additionalProperties: ENTRY,
      },
    },
  },
});

/**
 * The one place where what a registry lists is read and checked. No entry names a file: where a package lies
 * follows from its id and version, so an index leads nowhere else.
 * @throws `E_REGISTRY_INDEX`
 */
export function readIndex(bytes: Uint8Array): RegistryIndex {
  if (bytes.byteLength > MAX_INDEX_BYTES) throw new MagError('E_REGISTRY_INDEX', 'the index is over 8 MiB');
  const json = parseJson(bytes);
  if (!isIndexFile(json)) {
    const [problem = 'is wrong'] = describe(isIndexFile.errors ?? []);
    throw new MagError('E_REGISTRY_INDEX', `the index: ${problem.slice(0, 300)}`);
  }
  const listed = Object.entries(json.extensions) as [ExtensionId, IndexFile['extensions'][ExtensionId]][];
  return new Map(listed.map(([id, versions]) => [id, entriesOf(id, versions)]));
}

function entriesOf(id: ExtensionId, versions: IndexFile['extensions'][ExtensionId]): IndexEntry[] {
  return Object.entries(versions).map(([version, entry]) => ({ ...entry, id, version }));
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new MagError('E_REGISTRY_INDEX', 'the index is not JSON, or cut off', { cause });
  }
}

/** The text of an index, sorted: the same entries give the same bytes. */
export function writeIndex(entries: Iterable<IndexEntry>): string {
  const extensions: Record<string, Record<string, object>> = {};
  const sorted = [...entries].sort((a, b) => (`${a.id}@${a.version}` < `${b.id}@${b.version}` ? -1 : 1));
  for (const { id, version, ...entry } of sorted) extensions[id] = { ...extensions[id], [version]: entry };
  return `${JSON.stringify({ formatVersion: 1, extensions }, null, 2)}\n`;
}

/** What a registry lists of a package with this manifest. */
export function entryOf(manifest: AnyManifest, digest: string, sizeBytes: number): IndexEntry {
  const { id, version, kind, displayName, description, engines } = manifest;
  const dependencies = { ...(manifest.kind === 'bundle' ? manifest.extensions : manifest.dependencies) };
  return { id, version, kind, displayName, description, digest, sizeBytes, engines, dependencies };
}

/** Where a package lies in a registry. Ids and versions are checked, and hold nothing a path could mean. */
export function packagePath({ id, version }: Pick<IndexEntry, 'id' | 'version'>): string {
  return `${id}/${version}.mag`;
}

/** Where its signature lies. */
export function bundlePath(entry: Pick<IndexEntry, 'id' | 'version'>): string {
  return packagePath(entry) + BUNDLE_SUFFIX;
}

/** Where its attestations lie, when the index says that it has any. */
export function attestationsPath(entry: Pick<IndexEntry, 'id' | 'version'>): string {
  return packagePath(entry) + ATTESTATIONS_SUFFIX;
}
