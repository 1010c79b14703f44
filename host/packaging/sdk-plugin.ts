import { readFile } from 'node:fs/promises';
import { posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Plugin } from 'esbuild';

/** The folder of the SDK in this checkout. */
export const SDK_DIR = fileURLToPath(new URL('../../manifests/sdk', import.meta.url));

const NAMESPACE = 'magflock-sdk';

/**
 * Resolves `#sdk` and `@magflock/sdk` to the SDK of this checkout. In a namespace of its own, because
 * esbuild writes paths into the bundle, and where this checkout lies must not change a package.
 */
export const sdkPlugin: Plugin = {
  name: NAMESPACE,
  setup(build) {
    build.onResolve({ filter: /^(#sdk|@magflock\/sdk)$/ }, () => ({
      path: 'index.ts',
      namespace: NAMESPACE,
    }));
    build.onResolve({ filter: /.*/, namespace: NAMESPACE }, ({ path }) => ({
      path: posix.normalize(path),
      namespace: NAMESPACE,
    }));
    build.onLoad({ filter: /.*/, namespace: NAMESPACE }, async ({ path }) => ({
      contents: await readFile(`${SDK_DIR}/${path}`),
      loader: 'ts',
    }));
  },
};
