import { createHash } from 'node:crypto';
import { copyFile, readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { MagError } from '../../../kernel/errors.ts';
import { readArchive } from '../../../kernel/trust/archive.ts';
import {
  type BundleContents,
  type PackageContents,
  readAnyContents,
} from '../../../kernel/trust/contents.ts';
import { hasCode } from '../../../kernel/trust/verify.ts';
import { HOST_VERSION } from '../../../kernel/version.ts';
import { publisherOf } from '../../../manifests/manifest/publisher-of.ts';
import { packExtension } from '../../packaging/index.ts';
import { bundleDocumentationCheck, memberCheck } from '../../review/bundle-checks.ts';
import { bundledPackages, dependencyCheck, licenseCheck } from '../../review/bundled-packages.ts';
import { capabilityCheck, manifestCheck, securityCheck } from '../../review/code-checks.ts';
import { documentationCheck } from '../../review/documentation-check.ts';
import { scanModule } from '../../review/module-scan.ts';
import { type Check, type ReviewReport, verdictOf } from '../../review/report.ts';
import { createTemporaryFolder } from '../demo/temporary-folder.ts';
import { readConfig } from '../dev/dev-config.ts';
import { onInterrupt } from '../dev/interruption.ts';
import { defaultCalls, parseCall } from '../dev/profile-calls.ts';
import type { Session } from '../session.ts';
import { UsageError } from '../usage-error.ts';
import { liveChecks } from './live-checks.ts';
import { openReviewHost } from './review-host.ts';
import { testCheck } from './test-check.ts';

export interface ReviewOptions {
  /** A Postgres server to make a database on; default: an embedded one. */
  readonly database?: string;
  /** JSON file with the configuration it is installed with. */
  readonly config?: string;
  /** Folders or packages of what it depends on. */
  readonly needed: readonly string[];
  readonly calls: readonly string[];
  /** Whether the tests of a folder are run. */
  readonly isTested: boolean;
}

/**
 * Goes through the checklist of spec 08 for a folder or a package, of an extension or a bundle. Needs no network and no running host.
 * @throws what packing or reading throws: what is no package has no report
 */
export async function reviewExtension(
  session: Session,
  target: string,
  options: ReviewOptions,
): Promise<ReviewReport> {
  using interruption = onInterrupt();
  await using folder = await createTemporaryFolder('mag-review-');
  const path = resolve(session.terminal.cwd, target);
  const file = join(folder.path, 'extension.mag');
  const dir = await packageInto(file, path);
  const archive = await readFile(file);
  const contents = readAnyContents(await readArchive(archive));
  const checks = hasCode(contents)
    ? await checkExtension(
        session,
        { file, dir, contents, folder: folder.path },
        options,
        interruption.signal,
      )
    : checkBundle(contents);
  return {
    extension: contents.manifest.id,
    version: contents.manifest.version,
    digest: `sha256:${createHash('sha256').update(archive).digest('hex')}`,
    reviewedAt: new Date().toISOString(),
    magflock: HOST_VERSION,
    verdict: verdictOf(checks),
    checks,
  };
}

/** A bundle has texts and names its members. */
function checkBundle(contents: BundleContents): Check[] {
  return [
    manifestCheck(contents),
    memberCheck(contents),
    licenseCheck(contents, []),
    bundleDocumentationCheck(contents),
  ];
}

interface Packed {
  readonly file: string;
  readonly dir: string | null;
  readonly contents: PackageContents;
  /** For more packages. */
  readonly folder: string;
}

async function checkExtension(
  session: Session,
  { file, dir, contents, folder }: Packed,
  options: ReviewOptions,
  signal: AbortSignal,
): Promise<Check[]> {
  const { manifest } = contents;
  const asked = options.calls.map(parseCall);
  const config = await readConfig(session, options.config);
  const needed = options.needed.map((path, at) => ({ path, file: join(folder, `needed-${at}.mag`) }));
  const publishers = new Set([publisherOf(manifest.id)]);
  for (const other of needed) {
    await packageInto(other.file, resolve(session.terminal.cwd, other.path));
    const { id } = readAnyContents(await readArchive(await readFile(other.file))).manifest;
    publishers.add(publisherOf(id));
  }
  const scan = scanModule(contents.code);
  const packages = await bundledPackages(contents, dir);
  const atRest = [
    manifestCheck(contents),
    capabilityCheck(contents, scan),
    securityCheck(scan),
    await dependencyCheck(packages),
    licenseCheck(contents, packages),
    documentationCheck(contents),
    await testCheck(dir, options),
  ];
  await using host = await openReviewHost(session, manifest, publishers, options.database);
  for (const one of [{ file }, ...needed]) await host.sign(one.file);
  const calls = asked.length > 0 ? asked : callsOf(manifest);
  const installed = { file, manifest, config, needed: needed.map((one) => one.file), calls };
  return [...atRest, ...(await liveChecks(host, installed, signal))];
}

/** @returns the folder that was packed; `null`: the package was there already */
async function packageInto(file: string, path: string): Promise<string | null> {
  const found = await stat(path).catch((cause: unknown) => {
    throw new MagError('E_BAD_REQUEST', `${path} is neither a folder nor a package.`, { cause });
  });
  if (found.isDirectory()) {
    await packExtension(path, file);
    return path;
  }
  await copyFile(path, file);
  return null;
}

function callsOf(manifest: Parameters<typeof defaultCalls>[0]): ReturnType<typeof defaultCalls> {
  try {
    return defaultCalls(manifest);
  } catch (error) {
    if (error instanceof UsageError) return []; // the report says that nothing was measured
    throw error;
  }
}
