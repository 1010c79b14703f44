import type { BundleContents } from '../../kernel/trust/contents.ts';
import { type Check, check } from './report.ts';

/** What a bundle brings is in the packages of its members, which have reviews of their own. */
export function memberCheck({ manifest }: BundleContents): Check {
  const members = Object.entries(manifest.extensions);
  return check('members', {
    questions: members.map(([id, range]) => `${id} ${range}: look whether its own review is approved.`),
  });
}

/** README, in which every member is named. */
export function bundleDocumentationCheck({ manifest, files }: BundleContents): Check {
  const readme = new TextDecoder().decode(files.get('README.md') ?? new Uint8Array());
  const missing = Object.keys(manifest.extensions).filter((id) => !readme.includes(id));
  return check('documentation', {
    failures: [
      ...(files.has('README.md') ? [] : ['The package has no README.md.']),
      ...missing.map((id) => `README.md does not say what ${id} is there for.`),
    ],
  });
}
