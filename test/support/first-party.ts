import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PACKAGES_DIR } from '../../host/paths.ts';
import { bundlePath, packagePath } from '../../host/registries/index-format.ts';
import type { SignedPackage } from './author.ts';

/** An extension of this checkout, as every host that was started has built and signed it. */
export async function firstParty(name: string, version = '1.0.0'): Promise<SignedPackage> {
  const id = `magflock/${name}` as const;
  const archive = await readFile(join(PACKAGES_DIR, packagePath({ id, version })));
  const bundle = await readFile(join(PACKAGES_DIR, bundlePath({ id, version })), 'utf8');
  return { id, version, archive, bundle };
}
