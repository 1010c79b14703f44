import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MagError } from '../../kernel/errors.ts';
import { writeTar } from '../packaging/write-archive.ts';
import { BUILD_DIR, ROOT_DIR } from '../paths.ts';
import { isFresh, stampOf } from './stamp.ts';

/** The SDK as npm installs it. */
export interface SdkPackage {
  readonly name: string;
  readonly version: string;
  /** Folder with `package.json`, for `npm pack` and `npm publish`. */
  readonly dir: string;
  /** `magflock-sdk-<version>.tgz`, with the same content. */
  readonly tarball: string;
}

const NAME = '@magflock/sdk';

/** Entries of the package by the source of each. */
export const SDK_ENTRIES = {
  '.': 'manifests/sdk/index.ts',
  './testing': 'manifests/sdk/testing.ts',
  './harness': 'host/testing/harness.ts',
} as const;

const SDK_DIR = join(BUILD_DIR, 'sdk');
const STAMP = 'stamp';

/**
 * Builds the npm package of the SDK into `.build/sdk`: JavaScript and declarations of each module, without
 * dependencies. One that was built from the same sources is left alone.
 * @throws `E_INTERNAL` when the sources do not compile
 */
export async function buildSdkPackage(): Promise<SdkPackage> {
  const { version } = JSON.parse(await readFile(join(ROOT_DIR, 'package.json'), 'utf8')) as {
    version: string;
  };
  const built: SdkPackage = {
    name: NAME,
    version,
    dir: join(SDK_DIR, 'package'),
    tarball: join(SDK_DIR, `magflock-sdk-${version}.tgz`),
  };
  if (await isFresh(await readFile(join(SDK_DIR, STAMP), 'utf8').catch(() => ''))) return built;
  const { files, inputs } = await compile();
  files.set('package.json', `${JSON.stringify(packageJson(version), null, 2)}\n`);
  files.set('README.md', await readFile(join(ROOT_DIR, 'manifests/sdk/README.md'), 'utf8'));
  files.set('LICENSE', await readFile(join(ROOT_DIR, 'LICENSE'), 'utf8'));
  await put(files, basename(built.tarball), [...inputs, ...SURROUNDINGS]);
  return built;
}

/** What the package depends on besides the modules in it. */
const SURROUNDINGS = [
  relative(ROOT_DIR, fileURLToPath(import.meta.url)),
  'package.json',
  'LICENSE',
  'manifests/sdk/README.md',
];

/** Renamed into place whole: several processes may build at once. */
async function put(
  files: ReadonlyMap<string, string>,
  tarball: string,
  inputs: readonly string[],
): Promise<void> {
  await mkdir(BUILD_DIR, { recursive: true });
  const workshop = await mkdtemp(join(BUILD_DIR, 'sdk-'));
  for (const [name, text] of files) {
    const file = join(workshop, 'package', name);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
  }
  const packed = [...files].map(([name, text]) => [`package/${name}`, Buffer.from(text)] as const);
  await writeFile(join(workshop, tarball), await writeTar(packed));
  await writeFile(join(workshop, STAMP), await stampOf(inputs, ''));
  await rm(SDK_DIR, { recursive: true, force: true });
  await rename(workshop, SDK_DIR).catch(async (failure: NodeJS.ErrnoException) => {
    await rm(workshop, { recursive: true, force: true });
    if (failure.code !== 'ENOTEMPTY' && failure.code !== 'EEXIST') throw failure; // another one was faster
  });
}

/** The files of `dist` by their names in the package, and the sources they were made from. */
async function compile(): Promise<{ files: Map<string, string>; inputs: string[] }> {
  const { default: ts } = await import('typescript');
  const program = ts.createProgram(
    Object.values(SDK_ENTRIES).map((source) => join(ROOT_DIR, source)),
    {
      target: ts.ScriptTarget.ES2023,
      lib: ['lib.es2023.d.ts'],
      module: ts.ModuleKind.NodeNext,
      moduleResolution: ts.ModuleResolutionKind.NodeNext,
      types: ['node'],
      typeRoots: [join(ROOT_DIR, 'node_modules/@types')],
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      verbatimModuleSyntax: true,
      skipLibCheck: true,
      declaration: true,
      rewriteRelativeImportExtensions: true,
      noEmitOnError: true,
      rootDir: ROOT_DIR,
      outDir: '/',
    },
  );
  const files = new Map<string, string>();
  const emitted = program.emit(
    undefined,
    (name, text) => void files.set(placeOf(name.slice(1)), withoutTs(text)),
  );
  const problems = [...ts.getPreEmitDiagnostics(program), ...emitted.diagnostics];
  if (problems.length > 0) {
    const text = ts.formatDiagnostics(problems, {
      getCurrentDirectory: () => ROOT_DIR,
      getCanonicalFileName: (name) => name,
      getNewLine: () => '\n',
    });
    throw new MagError('E_INTERNAL', `the SDK does not compile: ${text}`);
  }
  const sources = program.getSourceFiles().filter(({ isDeclarationFile }) => !isDeclarationFile);
  return { files, inputs: sources.map(({ fileName }) => relative(ROOT_DIR, fileName)) };
}

/** `manifests/sdk/index.js` is `dist/sdk/index.js`; what is of the host stands alone in `dist/harness/`. */
function placeOf(output: string): string {
  return output.replace(/^manifests\//, 'dist/').replace(/^host\/testing\//, 'dist/harness/');
}

/** Declarations keep the endings of the sources, which no consumer has. */
function withoutTs(text: string): string {
  return text.replaceAll(/(from '\.[^']*)\.ts'/g, "$1.js'");
}

function packageJson(version: string): object {
  const exports = Object.entries(SDK_ENTRIES).map(([entry, source]) => {
    const output = `./${placeOf(source).replace(/\.ts$/, '')}`;
    return [entry, { types: `${output}.d.ts`, default: `${output}.js` }];
  });
  return {
    name: NAME,
    version,
    description: 'Types and test tools for extensions of a MagFlock host.',
    license: 'MIT',
    type: 'module',
    sideEffects: false,
    engines: { node: '>=24' },
    exports: { ...Object.fromEntries(exports), './package.json': './package.json' },
    files: ['dist'],
  };
}
