import { rawArchive } from '../../kernel/trust/fixtures/archives.ts';
import { smuggling } from '../world/smuggling.ts';

export default smuggling({
  name: 'a manifest with __proto__ in it',
  archive: async () =>
    rawArchive([
      {
        name: 'manifest.json',
        content: '{"__proto__":{"polluted":1,"kind":"extension"},"id":"mallory/attacker"}',
      },
      { name: 'dist/index.js', content: 'x' },
    ]),
  code: 'E_MANIFEST_INVALID',
});
