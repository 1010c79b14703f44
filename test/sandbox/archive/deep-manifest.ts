import { randomBytes } from 'node:crypto';
import { rawArchive } from '../../kernel/trust/fixtures/archives.ts';
import { smuggling } from '../world/smuggling.ts';

export default smuggling({
  name: 'a manifest nested a hundred thousand deep',
  archive: async () =>
    rawArchive([
      {
        name: 'manifest.json',
        content: `{"id":"mallory/attacker","config":${'['.repeat(100_000)}${']'.repeat(100_000)}}`,
      },
      // What does not compress: the archive must not be refused as a bomb.
      { name: 'dist/index.js', content: randomBytes(50_000).toString('hex') },
    ]),
  code: 'E_MANIFEST_INVALID',
});
