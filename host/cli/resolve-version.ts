import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import semver from 'semver';
import { codeOf, MagError } from '../../kernel/errors.ts';
import type { JsonObject } from '../../manifests/json.ts';
import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import { PACKAGES_DIR } from '../paths.ts';
import { objectIn, objectsIn, textIn } from './answer.ts';
import type { Client } from './client.ts';
import { extensionPath } from './extension-id.ts';

/** Where the wanted version was found: on the host already, or as a package of this checkout. */
export type Found = { readonly staged: JsonObject } | { readonly file: string };

/**
 * The highest version in range, of what the host has staged, else of what this checkout has built.
 * @throws `E_NOT_FOUND` naming what was looked for
 */
export async function resolveVersion(
  client: Client,
  id: ExtensionId,
  range: string,
  folder = PACKAGES_DIR,
): Promise<Found> {
  const versions = await stagedVersions(client, id);
  const best = highest(versions.keys(), range);
  const staged = best === null ? undefined : versions.get(best);
  if (staged) return { staged };
  const file = await builtPackage(id, range, folder);
  if (file) return { file };
  const wanted = range === '*' ? id : `${id}@${range}`;
  throw new MagError('E_NOT_FOUND', `${wanted} is neither staged on the host nor built from this checkout`);
}

async function stagedVersions(client: Client, id: ExtensionId): Promise<Map<string, JsonObject>> {
  try {
    const extension = objectIn(await client.get(extensionPath(id)));
    return new Map(objectsIn(extension.versions).map((entry) => [textIn(entry, 'version'), entry]));
  } catch (error) {
    if (codeOf(error) === 'E_NOT_FOUND') return new Map();
    throw error;
  }
}

async function builtPackage(id: ExtensionId, range: string, folder: string): Promise<string | null> {
  const prefix = `${id.replace('/', '-')}-`;
  const names = await readdir(folder).catch(() => [] as string[]);
  const versions = names
    .filter((name) => name.startsWith(prefix) && name.endsWith('.mag'))
    .map((name) => name.slice(prefix.length, -'.mag'.length));
  const best = highest(versions, range);
  return best === null ? null : join(folder, `${prefix}${best}.mag`);
}

/** A pre-release only when the range names one. What is no version is passed over. */
function highest(versions: Iterable<string>, range: string): string | null {
  return semver.maxSatisfying(
    [...versions].filter((version) => semver.valid(version) !== null),
    range,
  );
}
