import { codeOf } from '../../kernel/errors.ts';
import type { JsonObject } from '../../manifests/json.ts';
import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import { objectIn, objectsIn, textIn } from './answer.ts';
import { extensionPath, toExtensionId } from './extension-id.ts';
import type { LockedPackage, LockFile } from './lock-file.ts';
import type { Session } from './session.ts';
import { table } from './table.ts';

/** What a host is asked to have. */
export interface Wanted {
  /** Id to semver range. */
  readonly wanted: Readonly<Record<string, string>>;
  /** It is staged: the file was brought. */
  readonly staged?: boolean;
  readonly upgrade?: boolean;
}

/**
 * Asks the host to choose versions of all that is needed, and to stage what it lacks.
 * @param frozen nothing but what the lock file says
 * @returns dependencies first
 */
export async function resolveOnHost(
  session: Session,
  wanted: Wanted,
  lock: LockFile | null,
  frozen = false,
): Promise<JsonObject[]> {
  const entries = [...(lock?.packages ?? [])].map(([id, { version, digest }]) => [id, { version, digest }]);
  const given = lock === null ? {} : { lock: { packages: Object.fromEntries(entries), strict: frozen } };
  const answer = await session.client().send('POST', '/v1/resolutions', { ...wanted, ...given });
  return objectsIn(objectIn(answer).packages);
}

/** What was resolved, one line each: what happens to it and where it is from. */
export function resolutionTable(packages: readonly JsonObject[]): string {
  return table(packages, [
    ['package', (row) => textIn(row, 'id')],
    ['version', (row) => textIn(row, 'version')],
    ['from', (row) => (row.action === 'none' ? '' : textIn(row, 'registry') || 'this host')],
    ['', (row) => whatHappens(row)],
  ]);
}

function whatHappens(row: JsonObject): string {
  if (row.action === 'none') return 'is installed';
  const bundle = textIn(row, 'memberOf');
  return bundle === '' ? `to ${textIn(row, 'action')}` : `to ${textIn(row, 'action')} with ${bundle}`;
}

/** The lock file after something in it was moved by another way: what the host has now, and nothing it has not. */
export async function followHost(session: Session, lock: LockFile | null, moved: ExtensionId): Promise<void> {
  if (lock === null || !lock.packages.has(moved)) return;
  const next = new Map<string, LockedPackage>();
  for (const [id, before] of lock.packages) {
    const now = await installed(session, toExtensionId(id));
    if (now === null) continue;
    const digest = textIn(now, 'digest');
    next.set(id, { ...before, version: textIn(now, 'version'), digest });
  }
  await lock.write(next);
}

async function installed(session: Session, id: ExtensionId): Promise<JsonObject | null> {
  try {
    const now = objectIn(await session.client().get(extensionPath(id)));
    return now.state === 'staged' ? null : now;
  } catch (error) {
    if (codeOf(error) === 'E_NOT_FOUND') return null;
    throw error;
  }
}

/** The lock file as it is after everything resolved is in place. Known registries are kept. */
export async function writeLock(lock: LockFile | null, packages: readonly JsonObject[]): Promise<void> {
  if (
    lock === null ||
    packages.every(({ registry, id }) => registry === null && !lock.packages.has(String(id)))
  )
    return;
  const next = new Map(lock.packages);
  for (const row of packages) {
    const [id, version, digest] = [textIn(row, 'id'), textIn(row, 'version'), textIn(row, 'digest')];
    const before = lock.packages.get(id);
    const registry = typeof row.registry === 'string' ? row.registry : null;
    const known = before?.digest === digest ? before.registry : null;
    next.set(id, { version, digest, registry: registry ?? known } satisfies LockedPackage);
  }
  await lock.write(next);
}
