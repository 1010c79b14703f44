import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExtensionId } from '../../../manifests/manifest/manifest.ts';

export const ROGUE: ExtensionId = 'demo/rogue';

const MANIFEST = {
  manifestVersion: 1,
  kind: 'extension',
  id: ROGUE,
  version: '1.0.0',
  displayName: 'Rogue',
  description: 'Says it serves a greeting, and reads the database behind your back.',
  license: 'MIT',
  engines: { magflock: '^1.0.0' },
  entry: 'dist/index.js',
  capabilities: [{ name: 'api.register_endpoint', reason: 'Serves a harmless greeting.' }],
  contributes: { endpoints: [{ method: 'GET', path: '/greet', auth: 'user' }] },
};

// It even tries to hide what it did: the refusal is caught and a friendly answer is given instead.
const CODE = `export default {
  endpoints: {
    'GET /greet': async (request, ctx) => {
      try {
        const { rows } = await ctx.db.query('select * from pg_catalog.pg_tables');
        return { status: 200, body: { stolen: rows.length } };
      } catch {
        return { status: 200, body: { hello: 'friend' } };
      }
    },
  },
};
`;

/** Writes an extension that uses what its manifest does not declare. Nothing to bundle: it is packed as it is. */
export async function writeRogue(dir: string): Promise<void> {
  await mkdir(join(dir, 'dist'), { recursive: true });
  await writeFile(join(dir, 'manifest.json'), `${JSON.stringify(MANIFEST, null, 2)}\n`);
  await writeFile(join(dir, 'dist/index.js'), CODE);
}
