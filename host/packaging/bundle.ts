import { type BuildOptions, type BuildResult, build, type Message, type Plugin } from 'esbuild';
import { MagError } from '../../kernel/errors.ts';
import { sdkPlugin } from './sdk-plugin.ts';

const SOURCE = 'src/index.ts';

const OPTIONS = {
  bundle: true,
  write: false,
  format: 'esm',
  platform: 'neutral',
  target: 'es2023',
  charset: 'utf8',
  logLevel: 'silent',
  // What an extension is made of is in its folder; a configuration further up must not change the package.
  tsconfigRaw: '{}',
} as const satisfies BuildOptions;

/**
 * Bundles `src/index.ts` of an extension into one ES module. Returns the files by their names in the package.
 * @throws `E_PKG_INVALID` with what esbuild says, imports it cannot resolve among it
 */
export async function bundleSource(dir: string, entry: string): Promise<Map<string, Uint8Array>> {
  const result = await run({
    ...OPTIONS,
    absWorkingDir: dir,
    entryPoints: [SOURCE],
    outfile: entry,
    sourcemap: 'external',
    mainFields: ['module', 'main'],
    plugins: [sdkPlugin],
  });
  const files = new Map<string, Uint8Array>();
  for (const { path, contents } of result.outputFiles ?? []) {
    files.set(path.endsWith('.map') ? `${entry}.map` : entry, contents);
  }
  return files;
}

/**
 * The modules that an ES module still imports: nothing in the sandbox could resolve them.
 * @throws `E_PKG_INVALID` when it is no module
 */
export async function remainingImports(code: Uint8Array, name: string): Promise<string[]> {
  const imports = new Set<string>();
  const recorder: Plugin = {
    name: 'record-imports',
    setup(build) {
      build.onResolve({ filter: /.*/ }, ({ path }) => {
        imports.add(path);
        return { path, external: true };
      });
    },
  };
  const stdin = { contents: code, loader: 'js', sourcefile: name } as const;
  await run({ ...OPTIONS, stdin, plugins: [recorder] });
  return [...imports].sort();
}

async function run(options: BuildOptions): Promise<BuildResult> {
  try {
    return await build(options);
  } catch (error) {
    throw new MagError('E_PKG_INVALID', `The code does not bundle: ${describe(error)}.`, { cause: error });
  }
}

function describe(error: unknown): string {
  if (typeof error !== 'object' || error === null || !('errors' in error)) return 'esbuild failed';
  const messages: Message[] = Array.isArray(error.errors) ? error.errors : [];
  return messages
    .slice(0, 5)
    .map(({ text, location }) => (location ? `${location.file}:${location.line}: ${text}` : text))
    .join('; ');
}
