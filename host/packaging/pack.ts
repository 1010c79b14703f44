import { createHash } from 'node:crypto';
import { stat, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { MagError } from '../../kernel/errors.ts';
import { makeFolder } from '../../kernel/make-folder.ts';
import { readArchive } from '../../kernel/trust/archive.ts';
import { readAnyContents } from '../../kernel/trust/contents.ts';
import { readAnyManifest } from '../../kernel/trust/read-manifest.ts';
import type { AnyManifest, Manifest } from '../../manifests/manifest/manifest.ts';
import { bundleSource, remainingImports } from './bundle.ts';
import { collectFiles } from './collect-files.ts';
import { writeArchive } from './write-archive.ts';

interface Packed {
  /** Absolute path of the `.mag`. */
  readonly file: string;
  /** `sha256:<hex>`. */
  readonly digest: string;
  readonly sizeBytes: number;
  /** Names in the package, in their order. */
  readonly entries: readonly string[];
}

/**
 * Packs the extension, or the bundle of extensions, in a folder. `src/index.ts`, if there is one, is bundled into the entry first (and
 * the bundle left in the folder); a hand-written entry is packed as it is. What is written has been read
 * back by the same code the host stages packages with. The same folder gives the same bytes.
 * @param outFile by default `<publisher>-<name>-<version>.mag` in the folder
 * @param version in place of the one in the manifest; the folder stays as it is
 * @throws `E_PKG_INVALID`, `E_MANIFEST_INVALID`, `E_UNSUPPORTED`, `E_BAD_REQUEST` when there is no manifest
 */
export async function packExtension(dir: string, outFile?: string, version?: string): Promise<Packed> {
  const root = resolve(dir);
  if (!(await isFile(join(root, 'manifest.json')))) {
    throw new MagError('E_BAD_REQUEST', `There is no manifest.json in ${dir}.`);
  }
  const files = await collectFiles(root);
  if (version !== undefined) replaceVersion(files, version);
  const manifest = readAnyManifest(files.get('manifest.json') ?? new Uint8Array());
  const built = manifest.kind === 'bundle' ? new Map() : await addCode(files, root, manifest);
  const archive = await writeArchive(files);
  readAnyContents(await readArchive(archive));
  for (const [name, bytes] of built) await write(join(root, name), bytes);
  const file = outFile === undefined ? join(root, defaultName(manifest)) : resolve(outFile);
  await write(file, archive);
  const digest = createHash('sha256').update(archive).digest('hex');
  const entries = [...(await readArchive(archive)).keys()];
  return { file, digest: `sha256:${digest}`, sizeBytes: archive.byteLength, entries };
}

function replaceVersion(files: Map<string, Uint8Array>, version: string): void {
  const manifest = readAnyManifest(files.get('manifest.json') ?? new Uint8Array());
  const text = new TextDecoder().decode(files.get('manifest.json'));
  const changed = JSON.stringify({ ...JSON.parse(text), version });
  if (manifest.version !== version) files.set('manifest.json', new TextEncoder().encode(changed));
}

async function addCode(
  files: Map<string, Uint8Array>,
  root: string,
  manifest: Manifest,
): Promise<Map<string, Uint8Array>> {
  const built = await bundleInto(files, root, manifest);
  await refuseImports(files, manifest);
  return built;
}

async function bundleInto(
  files: Map<string, Uint8Array>,
  root: string,
  manifest: Manifest,
): Promise<Map<string, Uint8Array>> {
  if (!(await isFile(join(root, 'src/index.ts')))) return new Map();
  const built = await bundleSource(root, manifest.entry);
  for (const [name, bytes] of built) files.set(name, bytes);
  return built;
}

/** spec 02: the entry is one self-contained ES module, no imports left. */
async function refuseImports(files: ReadonlyMap<string, Uint8Array>, { entry }: Manifest): Promise<void> {
  const code = files.get(entry);
  if (!code)
    throw new MagError('E_PKG_INVALID', `There is neither ${entry} nor a src/index.ts to make it from.`);
  const imports = await remainingImports(code, entry);
  if (imports.length === 0) return;
  throw new MagError(
    'E_PKG_INVALID',
    `${entry} still imports ${imports.join(', ')}; it must be self-contained.`,
  );
}

function defaultName({ id, version }: AnyManifest): string {
  return `${id.replace('/', '-')}-${version}.mag`;
}

async function write(file: string, bytes: Uint8Array): Promise<void> {
  await makeFolder(dirname(file));
  await writeFile(file, bytes);
}

async function isFile(path: string): Promise<boolean> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return null;
    throw error;
  });
  return found?.isFile() ?? false;
}
