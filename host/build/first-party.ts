import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { addTrustedKey, generateKey, packExtension, signPackage } from '../packaging/index.ts';
import { BUILD_DIR, PACKAGES_DIR, ROOT_DIR } from '../paths.ts';

const PUBLISHER = 'magflock';
const KEYS_DIR = join(BUILD_DIR, 'keys');
const EXTENSIONS_DIR = join(ROOT_DIR, 'extensions');

/**
 * Packs and signs what is below `extensions/` with a key made on this machine (spec 02). What is newer than
 * its sources is left alone. Several processes may build at once: everything is renamed into place whole.
 * @returns the paths of all packages
 */
export async function buildFirstParty(): Promise<string[]> {
  await mkdir(PACKAGES_DIR, { recursive: true });
  const workshop = await mkdtemp(join(BUILD_DIR, 'build-'));
  try {
    await ensureKeys(workshop);
    const packages: string[] = [];
    for (const dir of await extensionDirs()) packages.push(await buildOne(dir, workshop));
    return packages;
  } finally {
    await rm(workshop, { recursive: true, force: true });
  }
}

/** Trusts the key of this machine for the publisher `magflock` in a data folder. */
export async function trustFirstParty(dataDir: string): Promise<void> {
  const pem = await readFile(join(KEYS_DIR, `${PUBLISHER}.pub`), 'utf8');
  await addTrustedKey(dataDir, PUBLISHER, pem, 'first-party');
}

async function buildOne(dir: string, workshop: string): Promise<string> {
  const { id, version } = JSON.parse(await readFile(join(dir, 'manifest.json'), 'utf8')) as Record<
    'id' | 'version',
    string
  >;
  const target = join(PACKAGES_DIR, `${id.replace('/', '-')}-${version}.mag`);
  if ((await modifiedMs(`${target}.sigstore.json`)) > (await newestMs(dir))) return target;
  const { file } = await packExtension(dir, join(workshop, basename(target)));
  const bundle = await signPackage(file, join(KEYS_DIR, `${PUBLISHER}.key`));
  await rename(file, target);
  await rename(bundle, `${target}.sigstore.json`);
  return target;
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

async function newestMs(dir: string): Promise<number> {
  let newest = 0;
  for (const entry of await readdir(dir, { withFileTypes: true, recursive: true })) {
    if (entry.isFile()) newest = Math.max(newest, await modifiedMs(join(entry.parentPath, entry.name)));
  }
  return newest;
}
