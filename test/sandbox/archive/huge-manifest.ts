import { randomBytes } from 'node:crypto';
import { rawArchive } from '../../kernel/trust/fixtures/archives.ts';
import { smuggling } from '../world/smuggling.ts';

export default smuggling({
  name: 'a manifest of many megabytes',
  archive: async () =>
    rawArchive([
      { name: 'manifest.json', content: JSON.stringify({ a: randomBytes(5_000_000).toString('hex') }) },
    ]),
  code: 'E_MANIFEST_INVALID',
});
