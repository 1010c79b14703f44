import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import { generateKey, packExtension, signPackage } from '../packaging/index.ts';
import { BUILD_DIR, PACKAGES_DIR, ROOT_DIR } from '../paths.ts';
import { bundlePath, INDEX_FILE, packagePath } from '../registries/index-format.ts';
import { entryOfPackage, replaceIndex } from '../registries/publish.ts';
import { createTrustAdmin } from '../trust/trust-admin.ts';

const PUBLISHER = 'magflock';
const KEYS_DIR = join(BUILD_DIR, 'keys');
const EXTENSIONS_DIR = join(ROOT_DIR, 'extensions');

/**
 * Packs and signs what is below `extensions/` with a key made on this machine (spec 02). What is newer than
 * its sources is left alone, and where all is, nothing is written: a host may run from folders it cannot change, and
 * without the key. Several processes may build at once: everything is renamed into place whole. They make a registry,
 * which every host has.
 * @returns the paths of all packages
 */
export async function buildFirstParty(): Promise<string[]> {
  const all = await Promise.all((await extensionDirs()).map(packageOf));
  const packages = all.map(({ target }) => target);
  const stale = all.filter(({ isStale }) => isStale);
  if (stale.length === 0 && (await isListed(packages))) return packages;
  await mkdir(PACKAGES_DIR, { recursive: true });
  const workshop = await mkdtemp(join(BUILD_DIR, 'build-'));
  try {
    await ensureKeys(workshop);
    for (const one of stale) await buildOne(one, workshop);
    await listPackages(packages);
    return packages;
  } finally {
    await rm(workshop, { recursive: true, force: true });
  }
}

/** Trusts the key of this machine for the publisher `magflock` in a data folder. */
export async function trustFirstParty(dataDir: string): Promise<void> {
  const pem = await readFile(join(KEYS_DIR, `${PUBLISHER}.pub`), 'utf8');
  await createTrustAdmin(dataDir).trustPublisher({
    publisher: PUBLISHER,
    publicKey: pem,
    tier: 'first-party',
  });
}

interface Package {
  readonly dir: string;
  readonly target: string;
  readonly signature: string;
  readonly isStale: boolean;
}

async function packageOf(dir: string): Promise<Package> {
  const manifest = JSON.parse(await readFile(join(dir, 'manifest.json'), 'utf8')) as {
    id: ExtensionId;
    version: string;
  };
  const signature = join(PACKAGES_DIR, bundlePath(manifest));
  const isStale = (await modifiedMs(signature)) <= (await newestMs(dir));
  return { dir, target: join(PACKAGES_DIR, packagePath(manifest)), signature, isStale };
}

async function buildOne({ dir, target, signature }: Package, workshop: string): Promise<void> {
  await mkdir(dirname(target), { recursive: true });
  const { file } = await packExtension(dir, join(workshop, basename(target)));
  const bundle = await signPackage(file, join(KEYS_DIR, `${PUBLISHER}.key`));
  await rename(file, target);
  await rename(bundle, signature);
}

async function isListed(packages: readonly string[]): Promise<boolean> {
  const listed = await modifiedMs(join(PACKAGES_DIR, INDEX_FILE));
  const built = await Promise.all(packages.map(modifiedMs));
  return listed > 0 && built.every((at) => at < listed);
}

async function listPackages(packages: readonly string[]): Promise<void> {
  if (await isListed(packages)) return;
  const entries = packages.map(async (file) =>
    entryOfPackage(await readFile(file), await readFile(`${file}.sigstore.json`, 'utf8')),
  );
  await replaceIndex(PACKAGES_DIR, await Promise.all(entries));
}

/** A folder is renamed only where there is none: whoever comes second uses the keys of the first. */
async function ensureKeys(workshop: string): Promise<void> {
  if ((await modifiedMs(KEYS_DIR)) > 0) return;
  const fresh = join(workshop, 'keys');
  await mkdir(fresh, { mode: 0o700 });
  await generateKey(join(fresh, PUBLISHER));
  await rename(fresh, KEYS_DIR).catch(async (failure: unknown) => {
    if ((await modifiedMs(KEYS_DIR)) === 0) throw failure;
  });
}

async function extensionDirs(): Promise<string[]> {
  const dirs: string[] = [];
  for (const entry of await readdir(EXTENSIONS_DIR, { withFileTypes: true })) {
    const dir = join(EXTENSIONS_DIR, entry.name);
    if (entry.isDirectory() && (await modifiedMs(join(dir, 'manifest.json'))) > 0) dirs.push(dir);
  }
  return dirs.sort();
}

/** 0 when there is no such file. */
async function modifiedMs(file: string): Promise<number> {
  return (await stat(file).catch(() => null))?.mtimeMs ?? 0;
}

/** Of what the package is made of. What the build itself writes, moments before it signs, is not. */
async function newestMs(dir: string): Promise<number> {
  let newest = 0;
  for (const entry of await readdir(dir, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile() || entry.parentPath === join(dir, 'dist')) continue;
    newest = Math.max(newest, await modifiedMs(join(entry.parentPath, entry.name)));
  }
  return newest;
}
