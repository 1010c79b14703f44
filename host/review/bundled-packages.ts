import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import semver from 'semver';
import type { BundleContents, PackageContents } from '../../kernel/trust/contents.ts';
import { type Check, check } from './report.ts';

/** A package of npm whose code was bundled in. */
export interface BundledPackage {
  readonly name: string;
  /** `null`: not known, because only the package is there and not the folder it was made in. */
  readonly version: string | null;
  readonly license: string | null;
}

const ALLOWED = new Set(['MIT', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', '0BSD', 'ISC']);
const IN_PACKAGE = /(?:^|\/)node_modules\/((?:@[^/]+\/)?[^/]+)\//g;
const KNOWN_BAD = new URL('./known-bad.json', import.meta.url);

/**
 * What the source map says was bundled; `null` without one. The author made the map: where the package is all there
 * is, a person decides whether to believe it.
 * @param dir the folder of the extension, to look versions and licences up; `null`: there is none
 */
export async function bundledPackages(
  { files, manifest }: PackageContents,
  dir: string | null,
): Promise<readonly BundledPackage[] | null> {
  const map = files.get(`${manifest.entry}.map`);
  if (map === undefined) return null;
  const found = new Map<string, string>();
  for (const source of sourcesOf(map)) {
    const last = [...source.matchAll(IN_PACKAGE)].at(-1);
    if (last?.[1] !== undefined) found.set(last[1], source.slice(0, last.index + last[0].length));
  }
  const entryDir = dir === null ? null : dirname(join(dir, manifest.entry));
  return Promise.all(
    [...found].map(async ([name, path]) => {
      const json = entryDir === null ? null : await readJson(join(entryDir, path, 'package.json'));
      return { name, version: textOf(json?.version), license: textOf(json?.license) };
    }),
  );
}

export async function dependencyCheck(packages: readonly BundledPackage[] | null): Promise<Check> {
  if (packages === null)
    return check('dependencies', { questions: ['There is no source map: look what was bundled.'] });
  const bad = JSON.parse(await readFile(KNOWN_BAD, 'utf8')) as Record<string, string[]>;
  const named = packages.filter(({ name }) => Object.hasOwn(bad, name));
  const isBad = ({ name, version }: BundledPackage) =>
    bad[name]?.some((range) => range === '*' || (version !== null && semver.satisfies(version, range)));
  return check('dependencies', {
    failures: named.filter(isBad).map((one) => `${label(one)} is known to be malicious.`),
    questions: packages
      .filter(({ version }) => version === null)
      .map(({ name }) => `The version of ${name} is not known: review the folder, or look it up.`),
    notes: packages.length === 0 ? ['Nothing was bundled in.'] : packages.map((one) => `${label(one)}.`),
  });
}

export function licenseCheck(
  { manifest, files }: PackageContents | BundleContents,
  packages: readonly BundledPackage[] | null,
): Check {
  const { license = 'none' } = manifest;
  const wrong = (packages ?? []).filter(({ license }) => license !== null && !isAllowed(license));
  return check('license', {
    failures: [
      ...(isAllowed(license) ? [] : [`The licence ${license} is not one of those.`]),
      ...(files.has('LICENSE') ? [] : ['The package has no file LICENSE.']),
      ...wrong.map((one) => `${label(one)} has the licence ${one.license}.`),
    ],
    questions: (packages ?? [])
      .filter(({ license }) => license === null)
      .map(({ name }) => `The licence of ${name} is not known.`),
  });
}

/** An SPDX expression of which some alternative is allowed: `MIT`, `(MIT OR GPL-3.0-only)`. */
function isAllowed(expression: string): boolean {
  const flat = expression.replace(/[()]/g, '');
  return flat.split(' OR ').some((one) => one.split(' AND ').every((id) => ALLOWED.has(id.trim())));
}

function sourcesOf(map: Uint8Array): string[] {
  try {
    const { sources } = JSON.parse(new TextDecoder().decode(map)) as { sources?: unknown };
    return Array.isArray(sources) ? sources.filter((source) => typeof source === 'string') : [];
  } catch {
    return []; // no map is no evidence either; the check of the author's own files fails elsewhere
  }
}

async function readJson(file: string): Promise<Record<string, unknown> | null> {
  const text = await readFile(file, 'utf8').catch(() => null);
  try {
    return text === null ? null : (JSON.parse(text) as Record<string, unknown>);
  } catch {
    return null; // its version and licence stay unknown, which the report says
  }
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

function label({ name, version }: BundledPackage): string {
  return version === null ? name : `${name}@${version}`;
}
