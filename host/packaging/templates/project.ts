import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT_DIR } from '../../paths.ts';
import type { Addition } from './addition.ts';
import { ciWorkflow } from './ci.ts';
import { license } from './license.ts';
import type { Naming } from './naming.ts';

/** The files around the code that every template has. */
export function projectFiles(naming: Naming, addition: Addition, sdkTarball: string): [string, string][] {
  return [
    ['package.json', json(packageJson(naming, sdkTarball))],
    ['tsconfig.json', json(TSCONFIG)],
    ['biome.json', BIOME],
    ['vitest.config.ts', VITEST],
    ['.github/workflows/ci.yml', ciWorkflow()],
    ['README.md', readme(naming, addition)],
    ['LICENSE', license(naming)],
    ['.gitignore', '.mag/\n.magflock/\ndist/\nnode_modules/\n*.mag\n*.mag.sigstore.json\n*.key\n'],
  ];
}

const TSCONFIG = {
  compilerOptions: {
    target: 'ES2023',
    lib: ['ES2023'],
    module: 'ESNext',
    moduleResolution: 'Bundler',
    strict: true,
    noUncheckedIndexedAccess: true,
    exactOptionalPropertyTypes: true,
    verbatimModuleSyntax: true,
    allowImportingTsExtensions: true,
    noEmit: true,
    skipLibCheck: true,
    // The sandbox has neither Node nor a browser around the code.
    types: [],
  },
  include: ['src', 'test'],
};

/** Written as its own formatter would. */
const BIOME = `{
  "files": { "includes": ["src/**", "test/**", "!src/magflock.d.ts"] },
  "formatter": { "indentStyle": "space", "indentWidth": 2, "lineWidth": 110 },
  "javascript": { "formatter": { "quoteStyle": "single" } }
}
`;

const VITEST = `import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // A test host brings a database with it.
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
`;

/** The versions that MagFlock itself is tested with. */
const OWN = JSON.parse(readFileSync(join(ROOT_DIR, 'package.json'), 'utf8')) as Record<
  'dependencies' | 'devDependencies',
  Readonly<Record<string, string>>
>;

function packageJson({ publisher, name }: Naming, sdkTarball: string): object {
  const own = (tool: string) => [tool, OWN.devDependencies[tool] ?? OWN.dependencies[tool]];
  return {
    name: `@${publisher}/${name}`,
    version: '1.0.0',
    private: true,
    type: 'module',
    license: 'MIT',
    scripts: {
      test: 'mag extension:test',
      check: 'tsc && biome check --error-on-warnings',
      types: 'mag extension:types',
    },
    devDependencies: {
      '@magflock/sdk': `file:${sdkTarball}`,
      ...Object.fromEntries(['@biomejs/biome', 'typescript', 'vitest'].map(own)),
    },
  };
}

function readme({ id, publisher, name, displayName, greeted }: Naming, addition: Addition): string {
  return `# ${displayName}

\`GET /x/${id}/greet/:name\` greets by name, counts the greetings and publishes \`${greeted}\`.
\`GET /x/${id}/now\` asks the database for its time.
${addition.readme === undefined ? '' : `${addition.readme}\n`}
## Work on it

\`\`\`sh
npm install
npm test                 # test/unit.test.ts alone, test/sandbox.test.ts in the real sandbox on a real database
npm run check            # types and style
mag extension:types      # after each change of manifest.json or schemas/
mag extension:dev        # every save is live on the host that runs
\`\`\`

## Ship it

\`\`\`sh
mag key:generate --out ${publisher}
mag trust:add ${publisher} --key ${publisher}.pub
mag extension:pack
mag extension:sign ${publisher}-${name}-1.0.0.mag --key ${publisher}.key
mag extension:install ${publisher}-${name}-1.0.0.mag --approve all --enable --yes
\`\`\`

\`.github/workflows/ci.yml\` tests each push; run by hand on \`main\`
(\`gh workflow run ci.yml --ref main\`) it makes a release: packs and signs without a key to keep.
\`vendor/\` holds the SDK until it is on a registry: then \`npm install --save-dev @magflock/sdk\` takes its place.
`;
}

function json(value: object): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
