import type { PackageContents } from '../../kernel/trust/contents.ts';
import { type Check, check } from './report.ts';

const MIN_README = 200;

/** README with an example, in which everything that others call is named. */
export function documentationCheck({ manifest, files }: PackageContents): Check {
  const readme = new TextDecoder().decode(files.get('README.md') ?? new Uint8Array());
  const { endpoints, exports, commands, jobs } = manifest.contributes;
  const named = [
    ...endpoints.map(({ path }) => path),
    ...[...exports, ...commands, ...jobs].map(({ name }) => name),
  ];
  const missing = [...new Set(named)].filter((name) => !readme.includes(name));
  return check('documentation', {
    failures: [
      ...(files.has('README.md') ? [] : ['The package has no README.md.']),
      ...(readme.length < MIN_README
        ? [`README.md has ${readme.length} characters, which say too little.`]
        : []),
      ...(/^( {4}|```)/m.test(readme) ? [] : ['README.md shows no example (a block of code).']),
      ...missing.map((name) => `README.md does not say what ${name} does.`),
    ],
  });
}
