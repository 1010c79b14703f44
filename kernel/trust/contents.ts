import type { JsonObject } from '../../manifests/json.ts';
import { schemaProblems } from '../../manifests/manifest/bounded-schema.ts';
import type { BundleManifest, Manifest } from '../../manifests/manifest/manifest.ts';
import { MagError } from '../errors.ts';
import type { MigrationFile } from '../ports.ts';
import type { PackageFiles } from './archive.ts';
import { readAnyManifest } from './read-manifest.ts';

/** What a package holds, checked and decoded. */
export interface PackageContents {
  readonly manifest: Manifest;
  readonly files: PackageFiles;
  /** The text of the entry module. */
  readonly code: string;
  /** The schema of each event type that the manifest says it publishes. */
  readonly eventSchemas: ReadonlyMap<string, JsonObject>;
  /** In the order they run. */
  readonly migrations: readonly MigrationFile[];
}

/** What the package of a bundle holds: a manifest and texts for people. */
export interface BundleContents {
  readonly manifest: BundleManifest;
  readonly files: PackageFiles;
}

/** What lies in the package of a bundle; it has nothing to run and nothing to serve. */
const BUNDLE_FILES = new Set(['manifest.json', 'README.md', 'LICENSE']);
const MIGRATION = /^(\d{4}_[a-z0-9_]+)\.(up|down)\.sql$/;

/**
 * Checks that the files of an extension are what its manifest says they are.
 * @throws `E_PKG_INVALID`, also for a bundle; `E_MANIFEST_INVALID`, `E_UNSUPPORTED`
 */
export function readContents(files: PackageFiles): PackageContents {
  const contents = readAnyContents(files);
  if ('code' in contents) return contents;
  throw invalid(`${contents.manifest.id} is a bundle, which has no code of its own.`);
}

/** The contents of an extension or a bundle. @throws as `readContents` */
export function readAnyContents(files: PackageFiles): PackageContents | BundleContents {
  const manifest = readAnyManifest(need(files, 'manifest.json', 'which every package has'));
  return manifest.kind === 'bundle' ? bundleContents(files, manifest) : extensionContents(files, manifest);
}

function bundleContents(files: PackageFiles, manifest: BundleManifest): BundleContents {
  const extra = [...files.keys()].find((name) => !BUNDLE_FILES.has(name));
  if (extra !== undefined) throw invalid(`${extra} does not belong in a bundle, which has no code.`);
  return { manifest, files };
}

function extensionContents(files: PackageFiles, manifest: Manifest): PackageContents {
  const code = text(need(files, manifest.entry, 'the entry of the manifest'), manifest.entry);
  if (code.trim() === '') throw invalid(`${manifest.entry} is empty.`);
  const { widgets, panels, explorers } = manifest.contributes;
  for (const { name, page } of [...widgets, ...panels, ...explorers]) {
    need(files, page, `the page of ${name}`);
  }
  return {
    manifest,
    files,
    code,
    eventSchemas: readEventSchemas(files, manifest),
    migrations: manifest.migrations === undefined ? [] : readMigrations(files, manifest.migrations),
  };
}

/** The schemas of the events an extension publishes, by type. @throws `E_PKG_INVALID` */
export function readEventSchemas(files: PackageFiles, manifest: Manifest): Map<string, JsonObject> {
  const schemas = new Map<string, JsonObject>();
  for (const { type, schema } of manifest.contributes.events.publishes) {
    schemas.set(type, readSchema(need(files, schema, `the schema of the event ${type}`), schema));
  }
  return schemas;
}

function readSchema(bytes: Uint8Array, name: string): JsonObject {
  let schema: JsonObject;
  try {
    schema = JSON.parse(text(bytes, name));
  } catch (error) {
    throw invalid(`${name} is not JSON.`, error);
  }
  const problems = schemaProblems(schema);
  if (problems.length > 0) throw invalid(`${name} is no usable JSON Schema: ${problems.join('; ')}.`);
  return schema;
}

function readMigrations(files: PackageFiles, folder: string): MigrationFile[] {
  const halves = new Map<string, { up?: string; down?: string }>();
  for (const [path, bytes] of files) {
    if (!path.startsWith(`${folder}/`)) continue;
    const [, name, direction] = MIGRATION.exec(path.slice(folder.length + 1)) ?? [];
    if (!name || !direction) throw invalid(`${path} is not called NNNN_name.up.sql or NNNN_name.down.sql.`);
    halves.set(name, { ...halves.get(name), [direction]: text(bytes, path) });
  }
  if (halves.size === 0) throw invalid(`The package has no files in ${folder}, its migrations folder.`);
  checkNumbers([...halves.keys()]);
  return [...halves]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, { up, down }]) => {
      if (up === undefined) throw invalid(`The migration ${name} has no .up.sql.`);
      return { name, up, down: down ?? null };
    });
}

/** Two migrations of one number have no order. */
function checkNumbers(names: readonly string[]): void {
  const numbers = names.map((name) => name.slice(0, 4));
  const twice = numbers.find((number, index) => numbers.indexOf(number) !== index);
  if (twice) throw invalid(`Two migrations have the number ${twice}.`);
}

function need(files: PackageFiles, name: string, what: string): Uint8Array {
  const bytes = files.get(name);
  if (!bytes) throw invalid(`The package has no file ${name}, ${what}.`);
  return bytes;
}

function text(bytes: Uint8Array, name: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw invalid(`${name} is not UTF-8 text.`, error);
  }
}

function invalid(message: string, cause?: unknown): MagError {
  return new MagError('E_PKG_INVALID', message, { cause });
}
