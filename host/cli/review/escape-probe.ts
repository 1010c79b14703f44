import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Manifest } from '../../../manifests/manifest/manifest.ts';
import { publisherOf } from '../../../manifests/manifest/publisher-of.ts';

/** What the probe serves: the ways out it tries, and a call that nobody declared. */
export const ESCAPE_PATH = '/escape';
export const UNDECLARED_PATH = '/undeclared';

/** Answers with the names of the ways out that were open. */
const CODE = `
const ways = {
  process: () => typeof process !== 'undefined',
  require: () => typeof require !== 'undefined',
  'node builtins': async () => (await import(['node', 'fs'].join(':'))) !== undefined,
  'Function of the host': () => (() => {}).constructor('return typeof process')() !== 'undefined',
  'WebAssembly': () => typeof WebAssembly !== 'undefined',
  'shared memory': () => typeof SharedArrayBuffer !== 'undefined' || typeof Atomics !== 'undefined',
  'realm of an error': () => {
    try { null.x; } catch (error) { return error.constructor.constructor('return typeof process')() !== 'undefined'; }
  },
  'realm of the context': (ctx) => ctx.log.info.constructor('return typeof process')() !== 'undefined',
  'stack frames': () => {
    Error.prepareStackTrace = (_error, frames) => frames;
    const frames = new Error('x').stack;
    return Array.isArray(frames) && frames.some((frame) => {
      const that = frame.getThis?.();
      return that !== undefined && that !== globalThis && typeof that?.process !== 'undefined';
    });
  },
};
export default { endpoints: {
  'GET ${ESCAPE_PATH}': async (request, ctx) => {
    const open = [];
    for (const [name, isOpen] of Object.entries(ways)) {
      try { if (await isOpen(ctx)) open.push(name); } catch { /* closed */ }
    }
    return { body: { tried: Object.keys(ways), open } };
  },
  'GET ${UNDECLARED_PATH}': async (request, ctx) => ({ body: await ctx.http.fetch('https://example.com/') }),
} };
`;

/** Writes an extension that tries to get out of a cell like that of the one under review. */
export async function writeProbe(dir: string, { id, limits, isolation }: Manifest): Promise<Manifest['id']> {
  const probe = `${publisherOf(id)}/review-probe` as Manifest['id'];
  const manifest = {
    manifestVersion: 1,
    kind: 'extension',
    id: probe,
    version: '1.0.0',
    displayName: 'Review probe',
    description: 'Tries to get out of its cell.',
    license: 'MIT',
    engines: { magflock: '*' },
    entry: 'dist/index.js',
    capabilities: [{ name: 'api.register_endpoint', reason: 'Is asked to try.' }],
    contributes: {
      endpoints: [ESCAPE_PATH, UNDECLARED_PATH].map((path) => ({ method: 'GET', path, auth: 'user' })),
    },
    limits,
    isolation,
  };
  await mkdir(join(dir, 'dist'), { recursive: true });
  await writeFile(join(dir, 'manifest.json'), JSON.stringify(manifest));
  await writeFile(join(dir, 'dist/index.js'), CODE);
  return probe;
}
